package letter

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/lazyregexp"
)

// mostCodeText is how much of the text is searched for codes, in bytes.
const mostCodeText = 64 << 10

// Words that announce a one-time code, in the languages of the large providers' mails.
const announce = `code|pin\b|otp|passcode|one-time|einmal|token|2fa|verif|confirm|bestätig|password|passwort|kennwort|` +
	`authenti|security|sicherheit|sign[ -]?in|log[ -]?in|anmeld|código|codice|código|kod\b|koodi|код|认证码|验证码|驗證碼|認証|인증`

var (
	announced = lazyregexp.New(`(?i)(?:` + announce + `)`)
	// candidate matches what may be a code: 4 to 8 digits, also in two groups of three or four, or 5 to 10 capital
	// letters and digits, with or without a hyphen in the middle.
	candidate = lazyregexp.New(`[0-9]{3,4}[ -][0-9]{3,4}|[A-Z0-9]{3,6}-[A-Z0-9]{3,6}|[A-Z0-9]{4,10}`)
	digits    = lazyregexp.New(`^[0-9]{4,8}$|^[0-9]{3}[ -][0-9]{3}$|^[0-9]{4}[ -][0-9]{4}$`)
	year      = lazyregexp.New(`^(?:19|20)[0-9]{2}$`)
)

// found is a candidate with its place in the ranking: smaller is better.
type found struct {
	code string
	rank int
}

// codes finds one-time codes. A code stands in the same line as a word that announces one, or alone in a line of a
// message that has such a word before it.
func codes(l *Letter) []string {
	list := codesIn(l.Subject, l.Text)
	if len(list) == 0 && l.HTML != "" && !l.TextFromHTML {
		list = codesIn(l.Subject, stripped(l.HTML[:min(len(l.HTML), 4*mostCodeText)]))
	}
	return list
}

func codesIn(subject, text string) []string {
	text = valid(text[:min(len(text), mostCodeText)])
	var all []found
	told := announced.MatchString(subject) // a word that announces a code has come
	if told {
		all = candidates(all, subject, 1)
	}
	recent := 0 // lines since the last such word
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(inText.ReplaceAllString(line, " "))
		if line == "" {
			continue
		}
		recent++
		if announced.MatchString(line) {
			all = candidates(all, line, 2)
			told, recent = true, 0
			continue
		}
		if bare := strings.Trim(line, "*_#>|[]().:-+ \t"); told && candidate.FindString(bare) == bare {
			all = candidates(all, bare, min(recent, 8)/8) // a line of its own: 0, or 1 if the word is far away
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(a.rank, b.rank) })
	out := []string{}
	for _, f := range all {
		if len(out) < MaxCodes && !slices.Contains(out, f.code) {
			out = append(out, f.code)
		}
	}
	return out
}

// candidates appends what may be a code in a line.
func candidates(all []found, line string, rank int) []found {
	for _, at := range candidate.FindAllStringIndex(line, 100) {
		code := line[at[0]:at[1]]
		if !alone(line, at[0], at[1]) {
			continue
		}
		switch {
		case digits.MatchString(code):
			if year.MatchString(code) && len(line) > len(code) {
				continue
			}
			all = append(all, found{strings.NewReplacer(" ", "", "-", "").Replace(code), rank})
		case strings.ContainsAny(code, "0123456789") && strings.ContainsAny(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") && len(code) >= 5:
			rest, prefixed := strings.CutPrefix(code, "G-") // Google's, where only the digits are typed
			if prefixed {
				code = rest
			}
			all = append(all, found{code, rank + 1})
		}
	}
	return all
}

// alone reports whether line[from:to] isn't a piece of something longer, such as a date, a price, a telephone number or a
// word.
func alone(line string, from, to int) bool {
	joins := func(c byte) bool {
		return c == '_' || c == '/' || c == '@' || c == '#' ||
			'0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
	}
	glue := func(c byte) bool { return strings.IndexByte(".,:-+/$", c) >= 0 }
	digit := func(i int) bool { return i >= 0 && i < len(line) && '0' <= line[i] && line[i] <= '9' }
	if from > 0 && (joins(line[from-1]) || strings.IndexByte("+$", line[from-1]) >= 0 || glue(line[from-1]) && digit(from-2)) {
		return false
	}
	if to < len(line) && (joins(line[to]) || glue(line[to]) && digit(to+1)) {
		return false
	}
	if from > 1 && line[from-1] == ' ' && digit(from-2) || to+1 < len(line) && line[to] == ' ' && digit(to+1) {
		return false // a longer number in groups
	}
	return true
}
