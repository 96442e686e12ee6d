# awsmfa in PowerShell, 5.1 and later. The line for the file that $PROFILE names,
# behind what sets the prompt:
#
#     awsmfa init pwsh | Out-String | Invoke-Expression
#
# It defines awsmfa-use, awsmfa-off and a prompt hook that renews in time. While
# the credentials are good the hook starts no process. What was there before
# awsmfa-use is kept in a variable of PowerShell's, which no command sees.

$global:_awsmfa_self = "awsmfa"
$global:_awsmfa_cmd = "awsmfa-use"
$global:_awsmfa_before = 600
$global:_awsmfa_dir = ""
$global:_awsmfa_names = @()
$global:_awsmfa_job = ""
$global:_awsmfa_prompt = "1"
# ---- the settings end here ----

# Loaded once more, it goes on with the state of the first time.
if (-not (Test-Path Variable:Global:_awsmfa_state)) {
    $global:_awsmfa_state = @{ Saved = $null; Job = $null; Started = 0; Told = ''; Touched = ''; Prompt = $null }
}

function global:_awsmfa_get($name) {
    [string][Environment]::GetEnvironmentVariable($name)
}

function global:_awsmfa_ours {
    $key = _awsmfa_get 'AWS_ACCESS_KEY_ID'
    ($key -ne '') -and (_awsmfa_get 'AWSMFA_OWNED').StartsWith($key + ':', [StringComparison]::Ordinal)
}

function global:_awsmfa_now {
    [DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
}

# For how many seconds the credentials are good; what is no plain number is no
# time.
function global:_awsmfa_left {
    $end = _awsmfa_get 'AWSMFA_EXPIRATION'
    if ($end -match '^[1-9][0-9]{0,10}$') {
        return [long]$end - (_awsmfa_now)
    }
    return 2000000000
}

# awsmfa-use PROFILE [FLAG...]. What was there is kept one level deep. Where
# awsmfa fails, what it prints throws.
function global:awsmfa-use {
    $text = & $global:_awsmfa_self env --shell pwsh --output shell @args | Out-String
    if ($text.Trim() -eq '') {
        return
    }
    if (($null -eq $global:_awsmfa_state.Saved) -and $text.Contains('$Env:AWS_ACCESS_KEY_ID=''')) {
        $saved = @{}
        foreach ($name in $global:_awsmfa_names) {
            $saved[$name] = [Environment]::GetEnvironmentVariable($name)
        }
        $global:_awsmfa_state.Saved = $saved
    }
    Invoke-Expression $text
}

# awsmfa-off [--hook]. Another's keys stay as they are, and what was awsmfa's own
# and has ended meanwhile is not given back.
function global:awsmfa-off {
    if (($args.Count -gt 1) -or (($args.Count -eq 1) -and ($args[0] -ne '--hook'))) {
        throw 'usage: awsmfa-off [--hook]'
    }
    $state = $global:_awsmfa_state
    $back = ($null -ne $state.Saved) -and (((_awsmfa_get 'AWS_ACCESS_KEY_ID') -eq '') -or (_awsmfa_ours))
    if ($back) {
        foreach ($name in $global:_awsmfa_names) {
            [Environment]::SetEnvironmentVariable($name, $state.Saved[$name])
        }
    }
    $state.Saved = $null
    if ((-not $back) -or ((_awsmfa_left) -le 0)) {
        $text = & $global:_awsmfa_self env --unset --shell pwsh --output shell | Out-String
        if ($text.Trim() -ne '') {
            Invoke-Expression $text
        }
    }
    if ($args.Count -eq 1) {
        _awsmfa_remove
    }
}

function global:_awsmfa_hook {
    try {
        if (((_awsmfa_left) -le $global:_awsmfa_before) -and (_awsmfa_ours)) {
            _awsmfa_due
        }
    } catch {
        $null = $_
    }
}

# A single renewal at a time, at most once a minute. One that has not ended after
# 400 s is given up.
function global:_awsmfa_due {
    $state = $global:_awsmfa_state
    $now = _awsmfa_now
    $waited = $now - $state.Started
    $pause = 60
    if ($null -ne $state.Job) {
        $pause = 400
    }
    if (($null -ne $state.Job) -and $state.Job.HasExited) {
        $code = $state.Job.ExitCode
        $state.Job = $null
        _awsmfa_outcome $code
    } elseif (($waited -lt 0) -or ($waited -ge $pause)) {
        $state.Started = $now
        $state.Job = _awsmfa_renew
    }
    # direnv has to look again, once, when its session has ended.
    $end = _awsmfa_get 'AWSMFA_EXPIRATION'
    if (((_awsmfa_get 'AWSMFA_DIRENV') -ne '') -and ((_awsmfa_left) -le 0) -and ($state.Touched -ne $end)) {
        $state.Touched = $end
        _awsmfa_touch
    }
}

# The profile is the one that AWSMFA_PROFILE names. As an argument it would have
# to be quoted, which differs from one release to the next.
function global:_awsmfa_renew {
    $start = New-Object System.Diagnostics.ProcessStartInfo
    $start.FileName = $global:_awsmfa_self
    $start.Arguments = 'login --no-input --quiet --refresh=false --min-ttl ' + ($global:_awsmfa_before + 60)
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.EnvironmentVariables.Remove('AWS_PROFILE')
    return [System.Diagnostics.Process]::Start($start)
}

function global:_awsmfa_touch {
    (Get-Item -LiteralPath (_awsmfa_get 'AWSMFA_DIRENV')).LastWriteTime = Get-Date
}

# 0 says that a session is at hand, 4 that a code is needed, which is told once
# for each expiry.
function global:_awsmfa_outcome($code) {
    $end = _awsmfa_get 'AWSMFA_EXPIRATION'
    $left = _awsmfa_left
    if (($code -eq 0) -and ((_awsmfa_get 'AWSMFA_DIRENV') -ne '')) {
        _awsmfa_touch
    } elseif ($code -eq 0) {
        $text = & $global:_awsmfa_self env --cached --no-input --quiet --shell pwsh --output shell -- (_awsmfa_get 'AWSMFA_PROFILE') 2>$null | Out-String
        if (($LASTEXITCODE -eq 0) -and ($text.Trim() -ne '')) {
            Invoke-Expression $text
        }
    } elseif (($code -eq 4) -and ($global:_awsmfa_state.Told -ne $end)) {
        $global:_awsmfa_state.Told = $end
        $when = 'has ended'
        if ($left -gt 0) {
            $when = 'ends in ' + [math]::Ceiling($left / 60) + ' min'
        }
        [Console]::Error.WriteLine("awsmfa: this shell's AWS session $when, and a new one needs a code: $global:_awsmfa_cmd")
    }
}

# awsmfa_prompt is a piece for the function prompt: the profile and the time left.
# What a terminal would take for more is taken out of the name.
function global:awsmfa_prompt {
    $name = _awsmfa_get 'AWSMFA_PROFILE'
    if (($name -eq '') -or -not (_awsmfa_ours)) {
        return ''
    }
    $text = $name -replace '[\p{Cc}$`\\%#!{}"''&|;<>*?^]', '?'
    $left = _awsmfa_left
    $colour = 32
    if ($left -le 120) {
        $colour = 31
    } elseif ($left -le 600) {
        $colour = 33
    }
    if ($left -le 0) {
        $text += ' expired'
    } elseif ($left -lt 60) {
        $text += " ${left}s"
    } elseif ($left -lt 3600) {
        $text += ' {0}m' -f [math]::Floor($left / 60)
    } elseif ($left -lt 2000000000) {
        $text += ' {0}h{1:00}m' -f [math]::Floor($left / 3600), [math]::Floor($left % 3600 / 60)
    }
    if (((_awsmfa_get 'NO_COLOR') -ne '') -or ((_awsmfa_get 'TERM') -eq 'dumb')) {
        return $text
    }
    $escape = [char]27
    return "${escape}[${colour}m${text}${escape}[0m"
}

# _awsmfa_remove leaves nothing of ours. Where somebody has wrapped the prompt
# once more, ours stays within and does nothing but call the one before it.
function global:_awsmfa_remove {
    if (($null -ne $global:_awsmfa_state.Prompt) -and ((Get-Item -Path 'Function:prompt').ScriptBlock.ToString().Contains('_awsmfa_hook'))) {
        Set-Item -Path 'Function:Global:prompt' -Value $global:_awsmfa_state.Prompt
        $global:_awsmfa_state.Prompt = $null
    }
    Set-Item -Path 'Function:Global:_awsmfa_hook' -Value { return }
    Set-Item -Path 'Function:Global:awsmfa_prompt' -Value { '' }
    Remove-Item -Path 'Function:awsmfa-use', 'Function:awsmfa-off'
}

# The prompt that was there is called with the state that it would have found:
# what has succeeded or failed, and the exit code.
if (($global:_awsmfa_prompt -eq '1') -and ($null -eq $global:_awsmfa_state.Prompt)) {
    $global:_awsmfa_state.Prompt = (Get-Item -Path 'Function:prompt').ScriptBlock
    function global:prompt {
        $awsmfaOK = $?
        $awsmfaCode = $global:LASTEXITCODE
        _awsmfa_hook
        $global:LASTEXITCODE = $awsmfaCode
        if (-not $awsmfaOK) {
            Write-Error '' -ErrorAction Ignore
        }
        & $global:_awsmfa_state.Prompt
    }
}

# Both are completed; for awsmfa-use it is as "awsmfa completion pwsh" has it,
# fetched at the first Tab.
Register-ArgumentCompleter -Native -CommandName 'awsmfa-use' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    if (-not (Test-Path -Path 'Function:Get-AwsmfaCompletion')) {
        & $global:_awsmfa_self completion pwsh | Out-String | Invoke-Expression
    }
    Get-AwsmfaCompletion @('awsmfa', 'env') $wordToComplete $commandAst $cursorPosition
}
Register-ArgumentCompleter -Native -CommandName 'awsmfa-off' -ScriptBlock { '--hook' }
