package hostile

import "strings"

// Values is one value or more for each way in which a shell is known to
// change text: splitting, globs, quotes, expansions, history, options, code
// pages. All must arrive exactly, or be refused by name.
func Values() []string {
	return []string{
		"", "dev", "a", "0", "007", "-1", "1e3", "true", "null",
		// blanks
		"a b", "a  b", "a   b    c", " lead", "trail ", "  ", " ", "  both  ", "a b c d e f",
		// globs
		"*", "a*b", "?", "a?b", "[a]", "[!a]", "[a-z]*", "**/*", "*.txt", "!(x)", "@(a|b)", "+(a)", "?(a)*", "(a|b)", "^a", "a~b", "<1-9>", "a#b",
		// quotes
		"it's", "'", "''", "\"", "\"\"", "`", "a'b\"c`d", "'; touch PWN; '", "\"; touch PWN; \"", "';touch PWN;'", "a';touch${IFS}PWN;'b", "$'a'", "'''", "\\'", "'\\''",
		// expansions
		"$HOME", "${HOME}", "$(touch PWN)", "`touch PWN`", "$((1+1))", "$[1+1]", "$$", "$?", "$1", "$@", "$", "a$", "~", "~root", "~/x", "x:~:~root", "a=~", "%HOME%", "%", "%s", "%d%n", "%1", "%self", "%%",
		"@{PWN}", "@(touch PWN)", "$Env:PATH", "$(Get-Date)", "{PWN}", "${...}", "$[touch PWN]", "![touch PWN]", "!(touch PWN)",
		// braces
		"{p,q}", "a{p,q}b", "{1..3}", "{", "}", "{}", "a{,b}", "{a", "'{a,b}'",
		// history
		"!!", "!", "a!b", "!$", "!touch", "^a^b", "!-1", "!?x?",
		// words that a shell may read as something else
		"=ls", "=", "==", "a =ls", "a = b", "a=b", "-n", "-e", "--", "-", "--help", "-n a", "+x", "#", "# x", "a #b", "#!x", ";", "a;b", "; touch PWN", "&", "a&b", "& touch PWN &", "&&", "|", "| touch PWN", "||", "<", ">", ">PWN", "<x", "2>PWN", ">>PWN", ">|PWN", ">!PWN", "<<x", "(", ")", "()", "(touch PWN)", "if", "done", "unset", "export X=1", "a,b", "a:b", ",", ":", ".", "..", "/", "/*", "./*", "\\\\server\\x",
		// backslashes
		"\\", "\\\\", "a\\", "a\\b", "\\n", "\\t", "\\0", "\\052", "\\x41", "\\u0041", "\\c", "\\e[31m", "\\ ", "a\\ b", "\\*", "\\$HOME", "\\", "a\\\\'b",
		// not ASCII
		"é", "naïve café", "日本語", "emoji 👩‍👩‍👧‍👦 x", "😀", "‘smart’", "“smart”", "‚low„", "\u2018; touch PWN; \u2019", "a\u00a0b", "\u00a0", "\u3000x", "\u2028", "\u200b", "\u202eevil", "ﬀ", "＂", "＇; touch PWN", "＄(touch PWN)", "\ufeffbom", "ÿ", "\u0080", "\u009b31m", "\u00ad", "e\u0301", "\U0010ffff", "\ufffd", "ƒ(x)*é", "é é", "é  é",
		// what AWS issues, and what profiles and regions look like
		"ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "eu-west-1", "2026-01-01T12:00:00Z", "arn:aws:iam::123456789012:mfa/o.brien+x=y,z@corp", "team/dev env", "o'brien", "dev (prod)", "[dev]", "Ümläut profile", "IQoJb3JpZ2luX2VjE//////////wEaCXVzLWVhc3QtMSJHMEUCIQ==",
		strings.Repeat("FwoGZXIvYXdzEBYaD+/", 1050) + "==",
		strings.Repeat("a*'", 300),
	}
}

// Refused is what must be refused. These are refused by every dialect: a shell drops them, ends a line
// or a string at them, or is not handed the same bytes in every locale.
func Refused() []string {
	return []string{
		"\x00", "a\x00b", "a\nb", "\n", "a\n", "a\rb", "a\r\n", "a\tb", "\x1b[31m", "\x01", "\x7f", "a\x1f", "\b\b", "\x0b",
		"\xff", "a\x80", "\xc3", "\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80", "\xe2\x80",
	}
}
