# Completion of awsmfa's command lines in fish. It lies where fish looks for
# completions, as awsmfa.fish, or is read by a line in
# ~/.config/fish/config.fish:
#
#    awsmfa completion fish | source
#
# __awsmfa_complete_line completes awsmfa, __awsmfa_complete_use a command that
# takes a profile and the flags of "awsmfa env":
#
#    complete -c awsmfa-use -k -f -a '(__awsmfa_complete_use)'
#
# The words go to awsmfa as arguments, without their quotes; nothing of them is
# evaluated. What it answers is quoted by fish.

# __awsmfa_complete WORD... asks, with the given words in place of the command's
# name.
function __awsmfa_complete
    set -l awsmfa_program awsmfa
    set -q _awsmfa_self[1]; and set awsmfa_program $_awsmfa_self
    set -l awsmfa_words (commandline -opc)
    while string match -qr '^[A-Za-z_][A-Za-z0-9_]*=' -- $awsmfa_words[1]
        set -e awsmfa_words[1]
    end
    set -l awsmfa_asked $argv $awsmfa_words[2..-1]
    set -l awsmfa_current (commandline -ot)
    for awsmfa_line in (command $awsmfa_program __complete fish (count $awsmfa_asked) -- $awsmfa_asked "$awsmfa_current" 2>/dev/null)
        switch $awsmfa_line
            case \tfiles
                __fish_complete_path (commandline -ct)
            case \tcommand' *'
                set -l awsmfa_offset (math (string replace \tcommand' ' '' -- $awsmfa_line) - (count $argv) + 1)
                set -l awsmfa_rest (string escape -- $awsmfa_words[(math $awsmfa_offset + 1)..-1])
                complete -C (string join -- ' ' $awsmfa_rest (commandline -ct))
            case '*'
                printf '%s\n' $awsmfa_line
        end
    end
end

function __awsmfa_complete_line
    __awsmfa_complete awsmfa
end

function __awsmfa_complete_use
    __awsmfa_complete awsmfa env
end

complete -c awsmfa -k -f -a '(__awsmfa_complete_line)'
