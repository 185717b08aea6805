package refusal

import (
	"strings"
	"testing"
)

// TestWork checks that each sign can be met, and that the first one that fits is taken.
func TestWork(t *testing.T) {
	t.Parallel()
	for i, s := range work {
		r := Reply{Protocol: s.protocol, Code: s.code, Enhanced: strings.Replace(s.enhanced, "x", "99", 1), Text: strings.ToUpper(s.text)}
		if got := ReadWork(r); got != s.Work {
			t.Errorf("sign %d, %+v: %q", i, s.sign, got.Means)
		}
		if s.Means == "" || !strings.HasSuffix(s.Means, ".") || s.Advice != "" && !strings.HasSuffix(s.Advice, ".") {
			t.Errorf("sign %d says %+v", i, s.Work)
		}
	}
	for text, want := range map[string]string{
		"553 5.7.1 <a@example.test>: Sender address rejected: not owned by user b": "isn't one that this account",
		"550 5.1.1 no": "no mailbox", "550 5.7.1 no": "doesn't say which", "552 no": "too large, or", "571 no": "",
	} {
		r := Reply{Protocol: "smtp", Code: text[:3], Text: text}
		if word := strings.Fields(text)[1]; strings.Count(word, ".") == 2 {
			r.Enhanced = word
		}
		if got := ReadWork(r).Means; !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
