# awsmfa in nushell. It is read from a file:
#
#     awsmfa init nu | save -f ~/.config/nushell/autoload/awsmfa.nu
#
# It defines awsmfa-use, awsmfa-off and a prompt hook that renews in time. While
# the credentials are good the hook starts no process. What was there before
# awsmfa-use is kept in a record, which is no variable that commands see.

const _awsmfa_self = "awsmfa"
const _awsmfa_cmd = "awsmfa-use"
const _awsmfa_before = 600
const _awsmfa_dir = ""
const _awsmfa_names = []
const _awsmfa_job = ""
const _awsmfa_prompt = "1"
# ---- the settings end here ----

$env._awsmfa = ($env._awsmfa? | default {saved: null, file: "", started: 0, told: "", touched: "", hooked: false})

def _awsmfa_ours [] {
    let key = ($env.AWS_ACCESS_KEY_ID? | default "")
    ($key != "") and ($env.AWSMFA_OWNED? | default "" | str starts-with $"($key):")
}

# For how many seconds the credentials are good; what is no plain number is no time.
def _awsmfa_left [] {
    let end = ($env.AWSMFA_EXPIRATION? | default "" | into string)
    if $end =~ '^[1-9][0-9]{0,10}$' {
        ($end | into int) - ((date now | into int) // 1_000_000_000)
    } else {
        2_000_000_000
    }
}

# Put a profile's credentials into this shell, as "awsmfa env" has them.
def --env --wrapped awsmfa-use [...args] {
    let text = (^$_awsmfa_self env --shell nu --output shell ...$args | str trim)
    let changes = if $text == "" { {} } else { $text | from json }
    if ($changes.AWS_ACCESS_KEY_ID? != null) and ($env._awsmfa.saved == null) {
        $env._awsmfa.saved = ($_awsmfa_names | reduce --fold {} {|name, kept|
            if ($name in $env) and (($env | get $name) != null) { $kept | insert $name ($env | get $name) } else { $kept }
        })
    }
    load-env $changes
}

# Give back what was there before the first awsmfa-use. Another's keys stay as
# they are, and what was awsmfa's own and has ended is not given back.
def --env awsmfa-off [
    --hook # take the prompt hook away too
] {
    let saved = $env._awsmfa.saved
    let back = ($saved != null) and ((($env.AWS_ACCESS_KEY_ID? | default "") == "") or (_awsmfa_ours))
    if $back {
        load-env ($_awsmfa_names | reduce --fold {} {|name, changes| $changes | insert $name ($saved | get --optional $name) })
    }
    $env._awsmfa.saved = null
    if (not $back) or ((_awsmfa_left) <= 0) {
        load-env (^$_awsmfa_self env --unset --shell nu --output shell | from json)
    }
    if $hook {
        $env.config.hooks.pre_prompt = ($env.config.hooks.pre_prompt | where {|one| not (view source $one | str contains "_awsmfa_hook") })
        $env._awsmfa.hooked = false
    }
}

def --env _awsmfa_hook [] {
    if (_awsmfa_ours) {
        let left = (_awsmfa_left)
        if $left <= $_awsmfa_before {
            _awsmfa_due $left
        }
    }
}

# A single renewal at a time, at most once a minute. One that has not ended after
# 400 s is given up.
def --env _awsmfa_due [left: int] {
    let now = ($env.AWSMFA_EXPIRATION | into int) - $left
    let waited = $now - $env._awsmfa.started
    let file = $env._awsmfa.file
    let pause = if $file == "" { 60 } else { 400 }
    let code = if ($file != "") and ($file | path exists) { open --raw $file | str trim } else { "" }
    if $code != "" {
        rm --force $file
        $env._awsmfa.file = ""
        _awsmfa_outcome $code $left
    } else if ($waited < 0) or ($waited >= $pause) {
        $env._awsmfa.started = $now
        $env._awsmfa.file = $"($_awsmfa_dir)/($nu.pid).($now)"
        ^sh -c $_awsmfa_job sh $_awsmfa_self ($env.AWSMFA_PROFILE? | default "") ($_awsmfa_before + 60) $env._awsmfa.file | complete | ignore
    }
    # direnv has to look again, once, when its session has ended.
    if ($env.AWSMFA_DIRENV? | default "") != "" and $left <= 0 and $env._awsmfa.touched != $env.AWSMFA_EXPIRATION {
        $env._awsmfa.touched = $env.AWSMFA_EXPIRATION
        try { touch $env.AWSMFA_DIRENV }
    }
}

# 0 says that a session is at hand, 4 that a code is needed, which is told once
# for each expiry.
def --env _awsmfa_outcome [code: string, left: int] {
    if $code == "0" and ($env.AWSMFA_DIRENV? | default "") != "" {
        try { touch $env.AWSMFA_DIRENV }
    } else if $code == "0" {
        let done = (^$_awsmfa_self env --cached --no-input --shell nu --output shell -- ($env.AWSMFA_PROFILE? | default "") | complete)
        if $done.exit_code == 0 {
            load-env ($done.stdout | from json)
        }
    } else if $code == "4" and $env._awsmfa.told != $env.AWSMFA_EXPIRATION {
        $env._awsmfa.told = $env.AWSMFA_EXPIRATION
        let end = if $left > 0 { $"ends in (($left + 59) // 60) min" } else { "has ended" }
        print --stderr $"awsmfa: this shell's AWS session ($end), and a new one needs a code: ($_awsmfa_cmd)"
    }
}

if ($_awsmfa_prompt == "1") and (not $env._awsmfa.hooked) {
    $env.config.hooks.pre_prompt = ($env.config.hooks.pre_prompt? | default [] | append {|| _awsmfa_hook })
    $env._awsmfa.hooked = true
}
