# awsmfa in fish. The line for ~/.config/fish/config.fish:
#
#    awsmfa init fish | source
#
# It defines awsmfa-use, awsmfa-off and a prompt hook that renews in time. While
# the credentials are good the hook runs no command and starts no process. What
# was there before awsmfa-use is kept in variables that are not exported.

set -g _awsmfa_self awsmfa
set -g _awsmfa_cmd awsmfa-use
set -g _awsmfa_before 600
set -g _awsmfa_dir
set -g _awsmfa_names
set -g _awsmfa_job
set -g _awsmfa_prompt 1
# ---- the settings end here ----

# The clock of the file system, read twice; before 3.6 there is none without a
# process.
if path mtime -R / &>/dev/null
    function _awsmfa_clock
        math (path mtime /) + (path mtime -R /)
    end
else
    function _awsmfa_clock
        command date +%s
    end
end

# _awsmfa_use PROFILE [FLAG...] is awsmfa-use.
function _awsmfa_use
    _awsmfa_untraced
    set -l awsmfa_text (command $_awsmfa_self env --shell fish --output shell $argv)
    set -l awsmfa_code $status
    if test $awsmfa_code = 0; and string match -q '*AWS_ACCESS_KEY_ID *_SECRET_*' -- $awsmfa_text
        _awsmfa_save
    end
    eval $awsmfa_text
    _awsmfa_traced
    return $awsmfa_code
end

# fish_trace would show what is evaluated.
function _awsmfa_untraced
    set -g _awsmfa_trace $fish_trace
    set -q fish_trace[1]; and set -g fish_trace ''
    true
end

function _awsmfa_traced
    set -q _awsmfa_trace[1]; and set -g fish_trace $_awsmfa_trace
    set -eg _awsmfa_trace
    true
end

# _awsmfa_save keeps what the variables are, one level deep: an x or an s for
# exported or only set, then the value. Universal ones are not touched by awsmfa.
function _awsmfa_save
    set -qg _awsmfa_saved; and return
    for awsmfa_name in $_awsmfa_names
        set -eg _awsmfa_was_$awsmfa_name
        if set -qgx $awsmfa_name
            set -g _awsmfa_was_$awsmfa_name x $$awsmfa_name
        else if set -qg $awsmfa_name
            set -g _awsmfa_was_$awsmfa_name s $$awsmfa_name
        end
    end
    set -g _awsmfa_saved 1
end

function _awsmfa_restore
    for awsmfa_name in $_awsmfa_names
        set -l awsmfa_was _awsmfa_was_$awsmfa_name
        set -l awsmfa_value $$awsmfa_was
        switch "$awsmfa_value[1]"
            case x
                set -gx $awsmfa_name $awsmfa_value[2..-1]
            case s
                set -gu $awsmfa_name $awsmfa_value[2..-1]
            case '*'
                set -eg $awsmfa_name
        end
    end
end

function _awsmfa_forget
    for awsmfa_name in $_awsmfa_names
        set -eg _awsmfa_was_$awsmfa_name
    end
    set -eg _awsmfa_saved
end

# _awsmfa_ours: the access key is the one that awsmfa set.
function _awsmfa_ours
    test -n "$AWS_ACCESS_KEY_ID"
    and test (string split -m 1 : -- "$AWSMFA_OWNED")[1] = "$AWS_ACCESS_KEY_ID"
end

# _awsmfa_within SECONDS: the credentials are known to end within so many. What
# is no plain number is no time.
function _awsmfa_within
    string match -qr '^[1-9][0-9]{0,10}$' -- "$AWSMFA_EXPIRATION"
    and test (math "$AWSMFA_EXPIRATION" - (_awsmfa_clock)) -le $argv[1]
end

# _awsmfa_off [--hook] is awsmfa-off. Another's keys stay as they are.
function _awsmfa_off
    if test (count $argv) -gt 1; or test -n "$argv[1]" -a "$argv[1]" != --hook
        echo 'awsmfa: usage: awsmfa-off [--hook]' >&2
        return 2
    end
    _awsmfa_untraced
    set -l awsmfa_code 0
    set -l awsmfa_back
    if set -qg _awsmfa_saved; and begin
            test -z "$AWS_ACCESS_KEY_ID"; or _awsmfa_ours
        end
        _awsmfa_restore
        set awsmfa_back 1
    end
    _awsmfa_forget
    if test -z "$awsmfa_back"; or _awsmfa_within 0
        set -l awsmfa_text (command $_awsmfa_self env --unset --shell fish --output shell)
        set awsmfa_code $status
        eval $awsmfa_text
    end
    _awsmfa_traced
    test -z "$argv[1]"; or _awsmfa_remove
    return $awsmfa_code
end

# _awsmfa_due looks for the outcome of a renewal, or starts one: a single one at
# a time, at most once a minute. One that has not ended after 400 s is given up.
function _awsmfa_due
    _awsmfa_ours; or return
    set -l awsmfa_now (_awsmfa_clock)
    set -qg _awsmfa_started; or set -g _awsmfa_started 0
    set -l awsmfa_waited (math $awsmfa_now - $_awsmfa_started)
    set -l awsmfa_pause 60
    test -z "$_awsmfa_file"; or set awsmfa_pause 400
    if test -n "$_awsmfa_file" -a -s "$_awsmfa_file"
        read -l awsmfa_code <$_awsmfa_file
        command rm -f -- $_awsmfa_file
        set -g _awsmfa_file
        _awsmfa_outcome "$awsmfa_code" $awsmfa_now
    else if test $awsmfa_waited -lt 0 -o $awsmfa_waited -ge $awsmfa_pause
        set -g _awsmfa_started $awsmfa_now
        set -g _awsmfa_file $_awsmfa_dir/$fish_pid.$awsmfa_now
        command sh -c $_awsmfa_job sh $_awsmfa_self "$AWSMFA_PROFILE" (math $_awsmfa_before + 60) $_awsmfa_file </dev/null &>/dev/null
    end
    # direnv has to look again, once, when its session has ended.
    if test -n "$AWSMFA_DIRENV" -a "$_awsmfa_touched" != "$AWSMFA_EXPIRATION"; and _awsmfa_within 0
        set -g _awsmfa_touched $AWSMFA_EXPIRATION
        command touch -- $AWSMFA_DIRENV 2>/dev/null
    end
end

# _awsmfa_outcome CODE NOW: 0 says that a session is at hand, 4 that a code is
# needed, which is told once for each expiry.
function _awsmfa_outcome
    switch "$argv[1]"
        case 0
            if test -n "$AWSMFA_DIRENV"
                command touch -- $AWSMFA_DIRENV 2>/dev/null
                return
            end
            _awsmfa_untraced
            set -l awsmfa_text (command $_awsmfa_self env --cached --no-input --shell fish --output shell -- "$AWSMFA_PROFILE" 2>/dev/null)
            and eval $awsmfa_text
            _awsmfa_traced
        case 4
            test "$_awsmfa_told" != "$AWSMFA_EXPIRATION"; or return
            set -g _awsmfa_told $AWSMFA_EXPIRATION
            set -l awsmfa_left (math "ceil(($AWSMFA_EXPIRATION - $argv[2]) / 60)")
            if test $awsmfa_left -gt 0
                echo "awsmfa: this shell's AWS session ends in $awsmfa_left min, and a new one needs a code: $_awsmfa_cmd" >&2
            else
                echo "awsmfa: this shell's AWS session has ended, and a new one needs a code: $_awsmfa_cmd" >&2
            end
    end
end

# awsmfa_prompt is a piece for fish_prompt, which starts no process: the profile
# and the time left. What a prompt would unfold is taken out of the name.
function awsmfa_prompt
    set -l awsmfa_status $status
    _awsmfa_ours; and test -n "$AWSMFA_PROFILE"; or return $awsmfa_status
    set -l awsmfa_text (string replace -ra '[[:cntrl:]$`\\\\%#!{}"\'&|;<>*?^\[\]]' '?' -- "$AWSMFA_PROFILE")
    set -l awsmfa_colour green
    if string match -qr '^[1-9][0-9]{0,10}$' -- "$AWSMFA_EXPIRATION"
        set -l awsmfa_left (math "$AWSMFA_EXPIRATION" - (_awsmfa_clock))
        test $awsmfa_left -gt 600; or set awsmfa_colour yellow
        test $awsmfa_left -gt 120; or set awsmfa_colour red
        if test $awsmfa_left -le 0
            set awsmfa_text "$awsmfa_text expired"
        else if test $awsmfa_left -ge 3600
            set awsmfa_text "$awsmfa_text "(math "floor($awsmfa_left / 3600)")h(math "floor($awsmfa_left % 3600 / 600)")(math "floor($awsmfa_left % 600 / 60)")m
        else if test $awsmfa_left -ge 60
            set awsmfa_text "$awsmfa_text "(math "floor($awsmfa_left / 60)")m
        else
            set awsmfa_text "$awsmfa_text $awsmfa_left"s
        end
    end
    if test -n "$NO_COLOR" -o "$TERM" = dumb -o "$argv[1]" = -v
        printf %s "$awsmfa_text"
    else
        printf '%s%s%s' (set_color $awsmfa_colour) "$awsmfa_text" (set_color normal)
    end
    return $awsmfa_status
end

# _awsmfa_remove leaves nothing of ours.
function _awsmfa_remove
    function awsmfa_prompt # fish_prompt may call it
    end
    functions -e $_awsmfa_cmd awsmfa-off _awsmfa_clock _awsmfa_use _awsmfa_untraced _awsmfa_traced _awsmfa_save _awsmfa_restore _awsmfa_forget \
        _awsmfa_ours _awsmfa_within _awsmfa_off _awsmfa_hook _awsmfa_due _awsmfa_outcome _awsmfa_remove _awsmfa_tab
    complete -c $_awsmfa_cmd -e
    complete -c awsmfa-off -e
    set -eg _awsmfa_self _awsmfa_cmd _awsmfa_before _awsmfa_dir _awsmfa_names _awsmfa_job _awsmfa_prompt _awsmfa_started _awsmfa_file \
        _awsmfa_told _awsmfa_touched
    true
end

function $_awsmfa_cmd
    _awsmfa_use $argv
end

function awsmfa-off
    _awsmfa_off $argv
end

# fish itself keeps the status round an event.
if test -n "$_awsmfa_prompt"
    function _awsmfa_hook --on-event fish_prompt
        _awsmfa_within $_awsmfa_before; and _awsmfa_due
        true
    end
end

# _awsmfa_tab completes both, by the functions of "awsmfa completion fish", which
# it fetches at the first Tab.
function _awsmfa_tab
    functions -q __awsmfa_complete_use; or command $_awsmfa_self completion fish | source
    __awsmfa_complete_use
end
complete -c $_awsmfa_cmd -e
complete -c awsmfa-off -e
complete -c $_awsmfa_cmd -k -f -a '(_awsmfa_tab)'
complete -c awsmfa-off -f
complete -c awsmfa-off -l hook -d 'take away the hook, and all of this'
