# Completion of awsmfa's command lines in elvish. The line for
# ~/.config/elvish/rc.elv:
#
#    eval (awsmfa completion elvish | slurp)
#
# It leaves an entry of $edit:completion:arg-completer for awsmfa. That of a
# command which takes a profile and the flags of "awsmfa env" calls it:
#
#    set edit:completion:arg-completer[use] = {|@words|
#        $edit:completion:arg-completer[awsmfa] awsmfa env (all $words[1..])
#    }
#
# The words go to awsmfa as arguments; what it answers is quoted by elvish.

use str

{
    set edit:completion:arg-completer[awsmfa] = {|@words|
        var lines = [(try {
            e:awsmfa __complete elvish (to-string (- (count $words) 1)) -- $@words 2>/dev/null
        } catch e { } | from-lines)]
        for line $lines {
            var parts = [(str:split &max=2 "\t" $line)]
            if (not-eq $parts[0] '') {
                var shown = $parts[0]
                if (> (count $parts) 1) {
                    set shown = $shown'  ('$parts[1]')'
                }
                edit:complex-candidate $parts[0] &display=$shown
            } elif (eq $parts[1] files) {
                edit:complete-filename $words[-1]
            } else {
                # The completion of sudo leaves out its first word.
                var offset = (num $parts[1][8..])
                edit:complete-sudo sudo (all $words[$offset..])
            }
        }
    }
}
