# Completion of awsmfa's command lines in nushell. Once for each release:
#
#    awsmfa completion nu | save -f ~/.config/nushell/autoload/awsmfa-completions.nu
#
# It becomes the external completer, and hands what is not about awsmfa, or
# stands behind "awsmfa exec PROFILE --", to the one that was there before. The
# words go to awsmfa as they were typed, as arguments; it answers in words that
# are quoted already.

$env.config.completions.external.completer = (do {
    let before = $env.config.completions.external.completer?
    {|spans|
        let other = {|words| if $before != null { do $before $words } }
        if ($spans.0 | path basename | str replace --regex '[.]exe$' '') != "awsmfa" {
            do $other $spans
        } else {
            let at = ($spans | length) - 1
            let lines = (^awsmfa __complete nu $at -- ...$spans | complete | get stdout | lines)
            let asked = ($lines | where {|line| $line | str starts-with "\t" } | get 0? | default "")
            if $asked == "\tfiles" {
                null
            } else if ($asked | str starts-with "\tcommand ") {
                do $other ($spans | skip ($asked | str replace "\tcommand " "" | into int))
            } else {
                $lines | parse --regex '^(?<value>[^\t]+)(?:\t(?<description>.*))?$'
            }
        }
    }
})
