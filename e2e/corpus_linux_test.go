package e2e

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/testkit/golden"
)

// TestCorpusAgainstDovecot gives the messages of the corpus to mailrig and to Debian's Dovecot, and compares what both show of
// them: ENVELOPE, BODYSTRUCTURE, BODY, BODY[...] and what SEARCH finds. Every difference must be explained in
// testdata/corpus/differences.txt, and every explanation must be needed. What mailrig shows in these places is kept in
// testdata/corpus/explained.golden, because an explanation covers more than one answer; -update accepts another one.
func TestCorpusAgainstDovecot(t *testing.T) {
	t.Parallel()
	long(t)
	d := startDovecot(t)
	explained := readExplanations(t, "testdata/corpus/differences.txt")
	messages := append(corpus(), generated(9, 200)...)
	r := start(t)
	ours := dialIMAP(t, r.local(143), "corpus@example.test", "secret")
	theirs := dialIMAP(t, d.address(143), "corpus@example.test", "secret")
	for _, m := range messages {
		for _, c := range []*imapLine{ours, theirs} {
			c.do(fmt.Sprintf("APPEND INBOX \" 3-Mar-2025 10:11:12 +0000\" {%d+}\r\n%s", len(m.raw), m.raw))
		}
	}
	ours.do("SELECT INBOX")
	theirs.do("SELECT INBOX")
	unexplained := 0
	var kept strings.Builder
	differ := func(m ugly, item, a, b string) {
		if a == b {
			return
		}
		if explained.cover(m.name, item, a, b) {
			fmt.Fprintf(&kept, "%s\t%s\t%s\n", m.name, inOneLine(item), inOneLine(a))
			return
		}
		if unexplained++; unexplained <= 60 {
			t.Errorf("%s, %s:\n  mailrig %s\n  Dovecot %s", m.name, item, a, b)
		}
	}
	for i, m := range messages {
		a, b := shown(ours, i+1, nil), shown(theirs, i+1, nil)
		parts := slices.Concat(partsOf(a), partsOf(b))
		slices.Sort(parts)
		parts = slices.Compact(parts)
		maps.Copy(a, shown(ours, i+1, parts))
		maps.Copy(b, shown(theirs, i+1, parts))
		items := slices.Collect(maps.Keys(a))
		for item := range b {
			if _, ok := a[item]; !ok {
				items = append(items, item)
			}
		}
		slices.Sort(items)
		for _, item := range items {
			differ(m, item, orNone(a, item), orNone(b, item))
		}
	}
	for _, keys := range searches {
		a, b := ours.search(keys), theirs.search(keys)
		for i, m := range messages {
			differ(m, "SEARCH "+keys, fmt.Sprint(a[i+1]), fmt.Sprint(b[i+1]))
		}
	}
	if unexplained > 60 {
		t.Errorf("and %d more differences", unexplained-60)
	}
	explained.checkUsed(t)
	golden.Check(t, "testdata/corpus/explained.golden", kept.String())
}

// inOneLine returns a value as it stands in a golden file. Of a long one, it is the beginning and a checksum.
func inOneLine(value string) string {
	const most = 120 // bytes
	text := strconv.QuoteToASCII(value)
	text = text[1 : len(text)-1]
	if len(text) > most {
		return fmt.Sprintf("%s… %x", text[:most], sha256.Sum256([]byte(value)))
	}
	return text
}

func orNone(shown map[string]string, item string) string {
	if s, ok := shown[item]; ok {
		return s
	}
	return "(none)"
}

// searches are what the corpus is searched for.
var searches = []string{
	"ALL", "SUBJECT a", "SUBJECT enclosed", "SUBJECT words", "SUBJECT {8+}\r\nGr\xc3\xbc\xc3\x9fe ", "CHARSET UTF-8 SUBJECT {7+}\r\nGr\xc3\xbc\xc3\x9fe",
	"SUBJECT \"two lines\"", "SUBJECT \"one two\"", "SUBJECT \"\"", "FROM alice", "FROM \"Alice Example\"", "FROM example.test", "FROM alice@example.test",
	"FROM \"j..r.\"", "FROM inner", "TO bob", "TO alice", "TO \"Friends\"", "TO undisclosed", "CC c@example.test", "CC carol", "BCC d", "TO \"\"",
	"HEADER Message-ID 1@example.test", "HEADER Message-ID \"\"", "HEADER In-Reply-To letter", "HEADER Reply-To \"\"", "HEADER Sender s", "HEADER Content-Type text/plain",
	"HEADER X-Long \"long long\"", "HEADER Date 2025", "HEADER MIME-Version 1", "HEADER Received \"\"",
	"SENTON 3-Mar-2025", "SENTON 4-Mar-2025", "SENTBEFORE 1-Jan-2000", "SENTBEFORE 5-Mar-2025", "SENTSINCE 4-Mar-2025", "SENTSINCE 1-Jan-1990",
	"ON 3-Mar-2025", "SINCE 4-Mar-2025", "BEFORE 3-Mar-2025", "LARGER 200", "SMALLER 200", "SMALLER 200 SENTON 3-Mar-2025", "LARGER 100 SMALLER 300",
	"BODY text", "BODY enclosed", "BODY \"Enclosed text\"", "BODY preamble", "BODY epilogue", "BODY inner@example.test", "BODY plain", "BODY \"second line\"",
	"CHARSET UTF-8 BODY {6+}\r\nsch\xc3\xb6n", "CHARSET UTF-8 TEXT {7+}\r\nGr\xc3\xbc\xc3\x9fe", "CHARSET UTF-8 BODY {12+}\r\n\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", "CHARSET UTF-8 BODY {6+}\r\n\xe3\x81\x93\xe3\x82\x93",
	"TEXT alice", "TEXT \"Subject: a date\"", "TEXT boundary", "TEXT \"one two\"", "TEXT Content-Type", "BODY Content-Type", "BODY oneword", "BODY \"one\"", "NOT BODY text", "OR FROM alice SUBJECT digest",
	"CHARSET US-ASCII TEXT parts", "TEXT \"from Berlin\"", "BODY delivery-status", "BODY \"Reporting-MTA\"", "BODY R0lGOA", "BODY xyz",
}

// shown returns what a server shows of a message, item by item. parts are those whose bytes are asked for; without parts it
// is everything else.
func shown(c *imapLine, seq int, parts []string) map[string]string {
	out := map[string]string{}
	items := []string{"RFC822.SIZE", "INTERNALDATE", "ENVELOPE", "BODY", "BODYSTRUCTURE", "BODY.PEEK[]", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "BODY.PEEK[HEADER.FIELDS (Subject FROM Content-Type)]", "BODY.PEEK[HEADER.FIELDS.NOT (Subject)]", "BODY.PEEK[TEXT]<5.7>"}
	if parts != nil {
		items = nil
		for _, p := range parts {
			items = append(items, "BODY.PEEK["+p+"]", "BODY.PEEK["+p+".MIME]", "BODY.PEEK["+p+".HEADER]", "BODY.PEEK["+p+".TEXT]")
		}
	}
	if len(items) == 0 {
		return out
	}
	for name, n := range c.fetch(seq, strings.Join(items, " ")) {
		switch name {
		case "ENVELOPE":
			envelope(out, name, n)
		case "BODY", "BODYSTRUCTURE":
			structure(out, name+" ", "", n)
		default:
			out[strings.ReplaceAll(name, `"`, "")] = n.String()
		}
	}
	return out
}

var envelopeFields = []string{"date", "subject", "from", "sender", "reply-to", "to", "cc", "bcc", "in-reply-to", "message-id"}

func envelope(out map[string]string, name string, n node) {
	for i, f := range envelopeFields {
		if i < len(n.List) {
			out[name+" "+f] = n.List[i].String()
		}
	}
}

// structure flattens a body structure (RFC 9051 section 7.5.2). path is the part's number.
func structure(out map[string]string, name, path string, n node) {
	at := name + path
	set := func(from int, fields ...string) {
		for i, f := range fields {
			if from+i < len(n.List) {
				v := n.List[from+i].String()
				if f == "type" || f == "encoding" {
					v = strings.ToLower(v)
				}
				out[at+" "+f] = v
			}
		}
	}
	below := func(i int) string { return strings.TrimPrefix(fmt.Sprint(path, ".", i), ".") }
	extended := strings.HasPrefix(name, "BODYSTRUCTURE")
	if len(n.List) > 0 && n.List[0].list {
		parts := 0
		for parts < len(n.List) && n.List[parts].list {
			parts++
			structure(out, name, below(parts), n.List[parts-1])
		}
		out[at+" type"] = "multipart/" + strings.ToLower(n.List[min(parts, len(n.List)-1)].Text) + fmt.Sprintf(" of %d", parts)
		set(parts+1, "params", "disposition", "language", "location")
		return
	}
	if path == "" {
		path = "1"
		at = name + path
	}
	if len(n.List) < 7 {
		out[at+" type"] = n.String()
		return
	}
	out[at+" type"] = strings.ToLower(n.List[0].Text + "/" + n.List[1].Text)
	set(2, "params", "id", "description", "encoding", "octets")
	next := 7
	switch {
	case len(n.List) > 9 && n.List[7].list && n.List[8].list:
		envelope(out, at+" envelope", n.List[7])
		inner := path
		if !(len(n.List[8].List) > 0 && n.List[8].List[0].list) {
			inner = path + ".1" // the body of the enclosed message
		}
		structure(out, name, inner, n.List[8])
		set(9, "lines")
		next = 10
	case strings.HasPrefix(out[at+" type"], "text/"):
		set(7, "lines")
		next = 8
	}
	if extended {
		set(next, "md5", "disposition", "language", "location")
	}
}

var partNumber = regexp.MustCompile(`^BODYSTRUCTURE ([0-9.]+) type$`)

// partsOf lists the part numbers in what a server shows.
func partsOf(shown map[string]string) (parts []string) {
	for item := range shown {
		if m := partNumber.FindStringSubmatch(item); m != nil {
			parts = append(parts, m[1])
		}
	}
	return parts
}

// explanation says why a kind of difference is right. All four patterns must match the whole of what they are about.
type explanation struct {
	why                             string
	message, item, mailrig, dovecot *regexp.Regexp
	line, used                      int
}

type explanations []*explanation

// cover reports whether a difference is explained. The first explanation that fits counts.
func (l explanations) cover(message, item, mailrig, dovecot string) bool {
	for _, e := range l {
		if e.message.MatchString(message) && e.item.MatchString(item) && e.mailrig.MatchString(mailrig) && e.dovecot.MatchString(dovecot) {
			e.used++
			return true
		}
	}
	return false
}

func (l explanations) checkUsed(t *testing.T) {
	for _, e := range l {
		if e.used == 0 {
			t.Errorf("testdata/corpus/differences.txt:%d: no difference is like this any more: %s", e.line, e.why)
		}
	}
}

// readExplanations reads a file of blocks, separated by empty lines. Its own first lines say how.
func readExplanations(t *testing.T, path string) (list explanations) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var e *explanation
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimRight(line, " ")
		if line == "" {
			e = nil
			continue
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(line, ": ")
		if e == nil {
			if key != "why" || !ok {
				t.Fatalf("%s:%d: an explanation begins with why:", path, i+1)
			}
			any := regexp.MustCompile("")
			e = &explanation{why: value, message: any, item: any, mailrig: any, dovecot: any, line: i + 1}
			list = append(list, e)
			continue
		}
		pattern, err := regexp.Compile(`^(?s:` + value + `)$`)
		into := map[string]**regexp.Regexp{"message": &e.message, "item": &e.item, "mailrig": &e.mailrig, "dovecot": &e.dovecot}[key]
		if err != nil || into == nil || !ok {
			t.Fatalf("%s:%d: %q: give message:, item:, mailrig: or dovecot: and a pattern (%v)", path, i+1, line, err)
		}
		*into = pattern
	}
	return list
}
