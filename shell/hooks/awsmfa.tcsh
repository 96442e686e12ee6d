# awsmfa in tcsh. The line for ~/.tcshrc, behind what sets the alias precmd:
#
#	eval `awsmfa init tcsh`
#
# It defines awsmfa-use, awsmfa-off and a prompt hook that renews in time. While
# the credentials are good the hook runs no command and starts no process. What
# was there before awsmfa-use is kept in shell variables, which no command sees.
#
# tcsh has no functions: the aliases source this file again, with what is to be
# done as its first argument. "awsmfa init tcsh" writes it, and prints the line
# that sources it.

set _awsmfa_self = awsmfa
set _awsmfa_cmd = awsmfa-use
set _awsmfa_before = 600
set _awsmfa_dir = ''
set _awsmfa_names = ''
set _awsmfa_job = ''
set _awsmfa_prompt = 1
# ---- the settings end here ----

# echo and verbose would show what is evaluated.
set _awsmfa_traced = ( )
if ( $?verbose ) then
	unset verbose
	set _awsmfa_traced = ( verbose )
endif
if ( $?echo ) then
	unset echo
	set _awsmfa_traced = ( $_awsmfa_traced echo )
endif
set _awsmfa_code = 0
if ( ! $?_awsmfa_saved ) set _awsmfa_saved = ''
if ( ! $?_awsmfa_file ) set _awsmfa_file = ''
if ( ! $?_awsmfa_started ) set _awsmfa_started = 0
if ( ! $?_awsmfa_told ) set _awsmfa_told = ''
if ( ! $?_awsmfa_touched ) set _awsmfa_touched = ''

# _awsmfa_ours: the access key is the one that awsmfa set. _awsmfa_left: for how
# many seconds the credentials are good. What is no plain number is no time. The
# clock is that of the terminal, to which something has just been written: the
# kernel keeps it within eight seconds.
set _awsmfa_ours = 0
set _awsmfa_left = 2000000000
if ( $?AWSMFA_OWNED && $?AWS_ACCESS_KEY_ID ) then
	if ( "$AWS_ACCESS_KEY_ID" != '' && "$AWSMFA_OWNED" =~ "${AWS_ACCESS_KEY_ID}":* ) set _awsmfa_ours = 1
endif
if ( $?AWSMFA_EXPIRATION ) then
	if ( "$AWSMFA_EXPIRATION" =~ [123456789]* && "$AWSMFA_EXPIRATION" !~ *[^0123456789]* && "$AWSMFA_EXPIRATION" !~ ????????????* ) then
		set _awsmfa_tty = ''
		if ( $?tty ) set _awsmfa_tty = "$tty"
		if ( "$_awsmfa_tty" != '' && -e "/dev/$_awsmfa_tty" ) then
			@ _awsmfa_now = -M "/dev/$_awsmfa_tty"
		else
			@ _awsmfa_now = `date +%s`
		endif
		@ _awsmfa_left = $AWSMFA_EXPIRATION - $_awsmfa_now
	endif
endif

# What awsmfa is to be called with gets into a substitution by an alias alone
# unharmed: a variable there would be read once more, quotes included.
switch ( "$1" )
case use:
	set _awsmfa_args = ( $argv[2-]:q )
	alias _awsmfa_run '$_awsmfa_self:q env --shell tcsh --output shell $_awsmfa_args:q'
	set _awsmfa_text = "`_awsmfa_run`"
	set _awsmfa_code = $status
	# One level deep: an x for what is set, then the value.
	if ( $_awsmfa_code == 0 && "$_awsmfa_saved" == '' && "$_awsmfa_text" =~ *"setenv AWS_ACCESS_KEY_ID "* ) then
		foreach _awsmfa_name ( $_awsmfa_names )
			unset _awsmfa_was_$_awsmfa_name
			printenv $_awsmfa_name >& /dev/null
			if ( $status == 0 ) eval "set _awsmfa_was_$_awsmfa_name = "\""x"\$"${_awsmfa_name}:q"\"
		end
		set _awsmfa_saved = 1
	endif
	eval "$_awsmfa_text:q"
	breaksw
case off:
	if ( $#argv > 2 || ( $#argv == 2 && "$argv[$#argv]" != --hook ) ) then
		sh -c 'echo "awsmfa: usage: awsmfa-off [--hook]" >&2'
		set _awsmfa_code = 2
		breaksw
	endif
	# Another's keys stay as they are.
	set _awsmfa_text = 1
	if ( $?AWS_ACCESS_KEY_ID ) then
		if ( "$AWS_ACCESS_KEY_ID" != '' && ! $_awsmfa_ours ) set _awsmfa_saved = ''
	endif
	if ( "$_awsmfa_saved" != '' ) then
		foreach _awsmfa_name ( $_awsmfa_names )
			unsetenv $_awsmfa_name
			if ( { eval "test "\$"?_awsmfa_was_$_awsmfa_name = 1" } ) eval "setenv $_awsmfa_name "\"\$"_awsmfa_was_${_awsmfa_name}:s/x//:q"\"
		end
		# What was awsmfa's own, and has ended meanwhile, is not given back.
		set _awsmfa_text = 0
		if ( $?AWSMFA_EXPIRATION ) then
			if ( "$AWSMFA_EXPIRATION" =~ [123456789]* && "$AWSMFA_EXPIRATION" !~ *[^0123456789]* && "$AWSMFA_EXPIRATION" !~ ????????????* ) then
				@ _awsmfa_text = ( `date +%s` >= $AWSMFA_EXPIRATION )
			endif
		endif
	endif
	foreach _awsmfa_name ( $_awsmfa_names )
		unset _awsmfa_was_$_awsmfa_name
	end
	set _awsmfa_saved = ''
	if ( $_awsmfa_text ) then
		alias _awsmfa_run '$_awsmfa_self:q env --unset --shell tcsh --output shell'
		set _awsmfa_text = "`_awsmfa_run`"
		set _awsmfa_code = $status
		eval "$_awsmfa_text:q"
	endif
	if ( $#argv == 2 ) then
		set _awsmfa_text = "`alias precmd`"
		if ( "$_awsmfa_text" =~ *_awsmfa_hook ) then
			set _awsmfa_text = "$_awsmfa_text:s/; _awsmfa_hook//:q"
			set _awsmfa_text = "$_awsmfa_text:s/_awsmfa_hook//:q"
			alias precmd "$_awsmfa_text:q"
			if ( "$_awsmfa_text" == '' ) unalias precmd
			unalias _awsmfa_hook
		else
			# Somebody has moved it elsewhere: one that does nothing stays.
			alias _awsmfa_hook :
		endif
		unalias $_awsmfa_cmd awsmfa-off
		set _awsmfa_code = ( $_awsmfa_code gone )
	endif
	breaksw
case hook:
	# A single renewal at a time, at most once a minute. One that has not ended
	# after 400 s is given up. Its outcome: 0 says that a session is at hand, 4
	# that a code is needed, which is told once for each expiry.
	if ( $_awsmfa_left > $_awsmfa_before || ! $_awsmfa_ours ) breaksw
	@ _awsmfa_waited = $_awsmfa_now - $_awsmfa_started
	set _awsmfa_pause = 60
	if ( "$_awsmfa_file" != '' ) set _awsmfa_pause = 400
	set _awsmfa_text = ''
	if ( "$_awsmfa_file" != '' ) then
		if ( -s "$_awsmfa_file:q" ) then
			alias _awsmfa_run 'cat $_awsmfa_file:q'
			set _awsmfa_text = "`_awsmfa_run`"
			sh -c 'rm -f -- "$1"' sh "$_awsmfa_file:q"
			set _awsmfa_file = ''
		endif
	endif
	if ( "$_awsmfa_text" != '' ) then
		if ( "$_awsmfa_text" == 0 && $?AWSMFA_DIRENV ) then
			sh -c 'touch -- "$1" 2>/dev/null' sh "$AWSMFA_DIRENV:q"
		else if ( "$_awsmfa_text" == 0 ) then
			set _awsmfa_args = '"$1" env --cached --no-input --shell tcsh --output shell -- "$AWSMFA_PROFILE" 2>/dev/null || :'
			alias _awsmfa_run 'sh -c $_awsmfa_args:q sh $_awsmfa_self:q'
			set _awsmfa_text = "`_awsmfa_run`"
			if ( "$_awsmfa_text" =~ *"setenv AWS_ACCESS_KEY_ID "* ) eval "$_awsmfa_text:q"
		else if ( "$_awsmfa_text" == 4 && "$_awsmfa_told" != "$AWSMFA_EXPIRATION" ) then
			set _awsmfa_told = "$AWSMFA_EXPIRATION"
			@ _awsmfa_waited = ( $_awsmfa_left + 59 ) / 60
			set _awsmfa_text = "ends in $_awsmfa_waited min"
			if ( $_awsmfa_left <= 0 ) set _awsmfa_text = 'has ended'
			sh -c 'echo "$1" >&2' sh "awsmfa: this shell's AWS session $_awsmfa_text, and a new one needs a code: $_awsmfa_cmd"
		endif
	else if ( $_awsmfa_waited < 0 || $_awsmfa_waited >= $_awsmfa_pause ) then
		set _awsmfa_started = $_awsmfa_now
		set _awsmfa_file = "$_awsmfa_dir:q/$$.$_awsmfa_now"
		@ _awsmfa_waited = $_awsmfa_before + 60
		sh -c 'exec sh -c "$1" sh "$2" "$AWSMFA_PROFILE" "$3" "$4" </dev/null >/dev/null 2>&1' sh "$_awsmfa_job:q" "$_awsmfa_self:q" $_awsmfa_waited "$_awsmfa_file:q"
	endif
	# direnv has to look again, once, when its session has ended.
	if ( $?AWSMFA_DIRENV && $_awsmfa_left <= 0 && "$_awsmfa_touched" != "$AWSMFA_EXPIRATION" ) then
		set _awsmfa_touched = "$AWSMFA_EXPIRATION"
		sh -c 'touch -- "$1" 2>/dev/null' sh "$AWSMFA_DIRENV:q"
	endif
	breaksw
case init:
	alias $_awsmfa_cmd "source $2:q use \!*"
	alias awsmfa-off "source $2:q off \!*"
	alias _awsmfa_hook "if ( "\$"?AWSMFA_EXPIRATION ) source $2:q hook"
	if ( $_awsmfa_prompt == 1 ) then
		set _awsmfa_text = "`alias precmd`"
		if ( "$_awsmfa_text" == '' ) then
			alias precmd _awsmfa_hook
		else if ( "$_awsmfa_text" !~ *_awsmfa_hook* ) then
			alias precmd "$_awsmfa_text:q; _awsmfa_hook"
		endif
	endif
	breaksw
endsw

unalias _awsmfa_run
unset _awsmfa_text _awsmfa_args _awsmfa_name _awsmfa_tty _awsmfa_ours _awsmfa_left _awsmfa_now _awsmfa_waited _awsmfa_pause
if ( $#_awsmfa_code == 2 ) then
	set _awsmfa_code = $_awsmfa_code[1]
	unset _awsmfa_self _awsmfa_cmd _awsmfa_before _awsmfa_dir _awsmfa_names _awsmfa_job _awsmfa_prompt _awsmfa_saved _awsmfa_file \
		_awsmfa_started _awsmfa_told _awsmfa_touched
endif
foreach _awsmfa_name ( $_awsmfa_traced )
	set $_awsmfa_name
end
unset _awsmfa_traced _awsmfa_name
# The last word, since it leaves the status.
if ( $_awsmfa_code != 0 ) sh -c "exit $_awsmfa_code"
