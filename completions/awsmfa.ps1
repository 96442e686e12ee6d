# Completion of awsmfa's command lines in PowerShell, 5.1 and later. The line for
# $PROFILE:
#
#    awsmfa completion pwsh | Out-String | Invoke-Expression
#
# $AwsmfaCompleter completes awsmfa, and $AwsmfaUseCompleter a command that takes
# a profile and the flags of "awsmfa env":
#
#    Register-ArgumentCompleter -Native -CommandName awsmfa-use -ScriptBlock $AwsmfaUseCompleter
#
# The words go to awsmfa as arguments, without their quotes; nothing of them is
# evaluated. It answers in words that are quoted already.

function global:Get-AwsmfaCompletion {
    param([string[]] $Command, [string] $Word, $Ast, [int] $Cursor)
    $words = @($Command)
    foreach ($element in @($Ast.CommandElements | Select-Object -Skip 1)) {
        if ($element.Extent.EndOffset -ge $Cursor) { break }
        if ($element -is [System.Management.Automation.Language.StringConstantExpressionAst]) {
            $words += $element.Value
        } else {
            $words += $element.Extent.Text
        }
    }
    $at = $words.Count
    $words += $Word
    awsmfa __complete pwsh $at '--' $words 2>$null | ForEach-Object {
        $value, $about = $_ -split "`t", 2
        if ($value -eq '' -and $about -eq 'files') {
            [System.Management.Automation.CompletionCompleters]::CompleteFilename($Word)
        } elseif ($value -ne '') {
            if (-not $about) { $about = $value }
            [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $about)
        }
    }
}

$AwsmfaCompleter = {
    param($wordToComplete, $commandAst, $cursorPosition)
    Get-AwsmfaCompletion @('awsmfa') $wordToComplete $commandAst $cursorPosition
}

$AwsmfaUseCompleter = {
    param($wordToComplete, $commandAst, $cursorPosition)
    Get-AwsmfaCompletion @('awsmfa', 'env') $wordToComplete $commandAst $cursorPosition
}

Register-ArgumentCompleter -Native -CommandName @('awsmfa', 'awsmfa.exe') -ScriptBlock $AwsmfaCompleter
