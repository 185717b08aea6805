package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// ugly is a message of the corpus, with a name for the explanations.
type ugly struct{ name, raw string }

// header makes a message of one defect in its header, among fields that are right.
func header(lines ...string) string {
	all := append([]string{"MIME-Version: 1.0"}, lines...)
	return strings.Join(all, "\r\n") + "\r\n\r\nThe text.\r\n"
}

// multipart makes a multipart of these parts, each with its own header.
func multipart(subtype string, parts ...string) string {
	return "Content-Type: multipart/" + subtype + "; boundary=\"=_b\"\r\n\r\npreamble\r\n--=_b\r\n" + strings.Join(parts, "\r\n--=_b\r\n") + "\r\n--=_b--\r\nepilogue\r\n"
}

// corpus lists the messages with a defect each.
func corpus() []ugly {
	const inner = "From: Inner <inner@example.test>\r\nSubject: enclosed\r\nDate: Tue, 4 Mar 2025 11:12:13 +0100\r\nMessage-ID: <in@example.test>\r\n\r\nEnclosed text.\r\n"
	date := func(s string) string { return header("Date:"+s, "Subject: a date") }
	from := func(s string) string { return header("From:"+s, "Subject: an address") }
	to := func(s string) string { return header("From: a@example.test", "To:"+s, "Subject: recipients") }
	subject := func(s string) string { return header("From: a@example.test", "Subject:"+s) }
	typed := func(s, body string) string { return "MIME-Version: 1.0\r\nSubject: typed\r\n" + s + "\r\n\r\n" + body }
	return []ugly{
		{"date-est", date(" Mon, 3 Mar 2025 10:11:12 EST")},
		{"date-minus-zero", date(" Mon, 3 Mar 2025 10:11:12 -0000")},
		{"date-comment", date(" Mon, 3 Mar 2025 10:11:12 +0100 (CET)")},
		{"date-comments-inside", date(" Mon (day), 3 (of) Mar 2025 (year) 10:11:12 +0100")},
		{"date-no-blank", date(" Mon,3 Mar 2025 10:11:12 +0100")},
		{"date-no-weekday", date(" 3 Mar 2025 10:11 +0100")},
		{"date-two-digits", date(" Mon, 3 Mar 99 10:11:12 GMT")},
		{"date-military", date(" Mon, 3 Mar 2025 10:11:12 Z")},
		{"date-late-evening", date(" Mon, 3 Mar 2025 23:59:59 -1100")},
		{"date-folded", date("\r\n Mon, 3 Mar\r\n 2025 10:11:12 +0100")},
		{"date-nonsense", date(" yesterday, before lunch")},
		{"date-ctime", date(" Mon Mar  3 10:11:12 2025")},
		{"date-iso", date(" 2025-03-03T10:11:12Z")},
		{"date-day-99", date(" Mon, 99 Mar 2025 10:11:12 +0100")},
		{"date-twice", header("Date: Mon, 3 Mar 2025 10:11:12 +0100", "Date: Tue, 4 Mar 2025 10:11:12 +0100", "Subject: two dates")},
		{"date-empty", date("")},
		{"id-no-brackets", header("Message-ID: 1@example.test", "In-Reply-To: 2@example.test", "Subject: ids")},
		{"id-blanks", header("Message-ID: < 1 @ example.test >", "Subject: ids")},
		{"id-comment", header("Message-ID: <1@example.test> (made up)", "In-Reply-To: your letter of Monday <2@example.test>", "Subject: ids")},
		{"id-several", header("Message-ID:\r\n <1@example.test>", "In-Reply-To: <2@example.test>\r\n\t<3@example.test>", "Subject: ids")},
		{"id-empty", header("Message-ID:", "In-Reply-To: ", "Subject: ids")},
		{"content-md5", header("Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==", "Content-ID: <part@example.test>", "Content-Description: a text", "Content-Language: en, de", "Content-Location: http://example.test/", "Content-Type: text/plain; charset=us-ascii")},
		{"address-bare", from(" alice@example.test")},
		{"address-comment", from(" alice@example.test (Alice Example)")},
		{"address-no-brackets", from(" Alice Example alice@example.test")},
		{"address-no-domain", from(" alice")},
		{"address-name-only", from(" Alice Example")},
		{"address-route", from(" Alice <@one.test,@two.test:alice@example.test>")},
		{"address-quoted-local", from(" \"a b\"@example.test")},
		{"address-quoted-name", from(" \"Example, \\\"Alice\\\"\" <alice@example.test>")},
		{"address-literal", from(" alice@[192.0.2.1]")},
		{"address-empty", from(" <>")},
		{"address-no-end", from(" Alice <alice@example.test")},
		{"address-two-at", from(" alice@bob@example.test")},
		{"address-dots", from(" J. R. Example <j..r.@example.test>")},
		{"address-blanks", from(" alice @ example . test")},
		{"address-semicolon", to(" alice@example.test; bob@example.test")},
		{"address-commas", to(" ,, alice@example.test,, bob@example.test,")},
		{"address-8bit", from(" J\xc3\xbcrgen <j\xc3\xbcrgen@example.test>")},
		{"address-encoded", from(" =?utf-8?q?J=C3=BCrgen?= <juergen@example.test>")},
		{"group", to(" Friends: alice@example.test, Bob <bob@example.test>;")},
		{"group-empty", to(" undisclosed-recipients:;")},
		{"group-and-more", to(" a@example.test, Two: b@example.test;, c@example.test")},
		{"group-open", to(" Friends: alice@example.test, bob@example.test")},
		{"group-nested", to(" A: B: b@example.test;;")},
		{"to-twice", header("To: a@example.test", "To: b@example.test", "Subject: twice")},
		{"sender-only", header("Sender: s@example.test", "Subject: no author")},
		{"reply-to", header("From: a@example.test", "Reply-To: r@example.test", "Sender: s@example.test", "Cc: c@example.test", "Bcc: d@example.test", "Subject: all")},
		{"subject-encoded", subject(" =?iso-8859-1?q?Gr=FC=DFe?= =?utf-8?b?YXVz?= Berlin")},
		{"subject-raw-utf8", subject(" Gr\xc3\xbc\xc3\x9fe")},
		{"subject-bad-byte", subject(" Gr\xc3\xbc\xc3\x9fe \xff und mehr")},
		{"subject-latin1", subject(" Gr\xfc\xdfe")},
		{"subject-raw-in-word", subject(" =?utf-8?q?Gr\xc3\xbc\xc3\x9fe_und?=")},
		{"subject-unknown-charset", subject(" =?x-unknown?q?abc=FC?=")},
		{"subject-broken-word", subject(" =?utf-8?b?YXV?= =?utf-8?q?x")},
		{"subject-folded", subject(" one\r\n two\r\n\tthree")},
		{"subject-tab", subject("\tone\ttwo ")},
		{"subject-empty", subject("")},
		{"subject-twice", header("Subject: first", "Subject: second")},
		{"subject-quotes", subject(" say \"yes\" \\ no")},
		{"no-header", "\r\nOnly a text.\r\n"},
		{"no-body", "Subject: nothing follows\r\n\r\n"},
		{"no-blank-line", "Subject: nothing follows\r\n"},
		{"no-line-end", "Subject: cut off"},
		{"no-colon", "Subject: a\r\nThis is no field\r\nTo: b@example.test\r\n\r\nText.\r\n"},
		{"blank-before-colon", "Subject : spaced\r\nFrom : a@example.test\r\n\r\nText.\r\n"},
		{"from-line", "From alice Mon Mar  3 10:11:12 2025\r\nSubject: mbox\r\n\r\nText.\r\n"},
		{"long-line", subject(" " + strings.Repeat("word ", 400))},
		{"type-empty", typed("Content-Type:", "Text.\r\n")},
		{"type-one-word", typed("Content-Type: text", "Text.\r\n")},
		{"type-no-semicolon", typed("Content-Type: text/plain charset=utf-8", "Text.\r\n")},
		{"type-blanks", typed("Content-Type: text / html ; charset = utf-8 ", "<p>Text.\r\n")},
		{"type-comment", typed("Content-Type: text/plain (a comment); charset=utf-8 (Unicode)", "Text.\r\n")},
		{"type-continued", typed("Content-Type: application/x-file; name*0=one; name*1=\"two\"; name*2*=%20three", "Text.\r\n")},
		{"type-rfc2231", typed("Content-Disposition: attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.txt", "Text.\r\n")},
		{"type-encoded-name", typed("Content-Type: image/png; name=\"=?utf-8?q?Gr=C3=BC=C3=9Fe?=\"", "Text.\r\n")},
		{"type-8bit-name", typed("Content-Disposition: attachment; filename=\"Gr\xc3\xbc\xc3\x9fe.txt\"", "Text.\r\n")},
		{"type-name-twice", typed("Content-Type: text/plain; a=1; a=2; b=3", "Text.\r\n")},
		{"type-open-quote", typed("Content-Type: text/plain; name=\"open", "Text.\r\n")},
		{"type-no-value", typed("Content-Type: text/plain; charset; format=flowed", "Text.\r\n")},
		{"type-twice", typed("Content-Type: text/plain\r\nContent-Type: text/html", "Text.\r\n")},
		{"encoding-unknown", typed("Content-Transfer-Encoding: x-uuencode", "Text.\r\n")},
		{"encoding-blank", typed("Content-Transfer-Encoding:   BASE64  ", "VGV4dC4=\r\n")},
		{"encoding-comment", typed("Content-Transfer-Encoding: base64 (really)", "VGV4dC4=\r\n")},
		{"encoding-quoted", typed("Content-Transfer-Encoding: quoted-printable", "Gr=C3=BC=C3=9Fe=\r\n from =ZZ Berlin=\r\n")},
		{"encoding-base64-broken", typed("Content-Transfer-Encoding: base64", "VGhl!IHRleHQ\r\nuIG5vdyBicm9rZW4=====\r\n")},
		{"charset-latin1", typed("Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable", "sch=F6n\r\n")},
		{"charset-utf7", typed("Content-Type: text/plain; charset=utf-7", "sch+APY-n\r\n")},
		{"charset-koi8", typed("Content-Type: text/plain; charset=koi8-r", "\xd0\xd2\xc9\xd7\xc5\xd4\r\n")},
		{"charset-2022", typed("Content-Type: text/plain; charset=iso-2022-jp", "\x1b$B$3$s\x1b(B\r\n")},
		{"charset-wrong", typed("Content-Type: text/plain; charset=us-ascii", "sch\xc3\xb6n\r\n")},
		{"charset-unknown", typed("Content-Type: text/plain; charset=x-nobody", "plain sch\xf6n\r\n")},
		{"charset-quoted", typed("Content-Type: text/plain; charset=\"'utf-8'\"", "sch\xc3\xb6n\r\n")},
		{"html", typed("Content-Type: text/html; charset=utf-8", "<p>one<b>word</b> &amp; sch&ouml;n</p>\r\n")},
		{"disposition-odd", typed("Content-Disposition: filename=x.txt", "Text.\r\n")},
		{"multipart-mixed", "Subject: parts\r\n" + multipart("mixed", "Content-Type: text/plain\r\n\r\none", "Content-Type: text/html\r\n\r\n<p>two")},
		{"multipart-one-empty", "Subject: parts\r\n" + multipart("mixed", "", "\r\n", "\r\n\r\n")},
		{"multipart-none", "Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\nno part at all\r\n"},
		{"multipart-no-boundary", "Subject: parts\r\nContent-Type: multipart/mixed\r\n\r\n--b\r\n\r\ntext\r\n--b--\r\n"},
		{"multipart-no-end", "Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo, and then the connection br"},
		{"multipart-end-only", "Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n"},
		{"multipart-inner-no-end", "Subject: parts\r\n" + multipart("mixed", "Content-Type: multipart/alternative; boundary=in\r\n\r\n--in\r\n\r\none", "\r\ntwo")},
		{"multipart-prefix", "Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\none\r\n--bb--\r\n--b\r\n\r\ntwo\r\n--b--\r\n"},
		{"multipart-same-boundary", "Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--\r\n\r\n--b--\r\n"},
		{"multipart-blanks", "Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b \t\r\n\r\none\r\n--b-- \r\n"},
		{"multipart-digest", "Subject: digest\r\n" + multipart("digest", "\r\n"+inner, "\r\n"+inner)},
		{"multipart-nested", "Subject: nested\r\n" + multipart("mixed", "Content-Type: multipart/related; boundary=in\r\n\r\n--in\r\n\r\none\r\n--in\r\nContent-Type: image/gif\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <i@x>\r\n\r\nR0lGOA==\r\n--in--\r\n", "Content-Disposition: attachment; filename=a.bin\r\nContent-Type: application/octet-stream\r\n\r\nxyz")},
		{"multipart-case", "subject: parts\r\nCONTENT-TYPE: MULTIPART/Mixed; BOUNDARY=B\r\n\r\n--B\r\nCONTENT-TYPE: TEXT/PLAIN; CHARSET=UTF-8\r\n\r\none\r\n--b\r\n\r\nnot a boundary\r\n--B--\r\n"},
		{"rfc822", "Subject: outer\r\nContent-Type: message/rfc822\r\n\r\n" + inner},
		{"rfc822-in-multipart", "Subject: outer\r\n" + multipart("mixed", "\r\ntext", "Content-Type: message/rfc822\r\nContent-Description: forwarded\r\n\r\n"+inner)},
		{"rfc822-three-deep", "Subject: outer\r\nContent-Type: message/rfc822\r\n\r\nSubject: middle\r\nContent-Type: message/rfc822\r\n\r\n" + inner},
		{"rfc822-of-multipart", "Subject: outer\r\n" + multipart("mixed", "Content-Type: message/rfc822\r\n\r\nSubject: middle\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\none\r\n--in\r\n\r\ntwo\r\n--in--", "\r\nlast")},
		{"rfc822-empty", "Subject: outer\r\nContent-Type: message/rfc822\r\n\r\n"},
		{"rfc822-no-header", "Subject: outer\r\nContent-Type: message/rfc822\r\n\r\n\r\ntext only\r\n"},
		{"rfc822-base64", "Subject: outer\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA0KDQp4\r\n"},
		{"rfc822-no-end", "Subject: outer\r\n" + strings.TrimSuffix(multipart("mixed", "Content-Type: message/rfc822\r\n\r\n"+inner), "--=_b--\r\nepilogue\r\n")},
		{"message-partial", "Subject: outer\r\nContent-Type: message/partial; id=x; number=1\r\n\r\nSubject: x\r\n\r\nx\r\n"},
		{"report", "Subject: report\r\n" + multipart("report", "\r\nnot delivered", "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.test\r\n", "Content-Type: text/rfc822-headers\r\n\r\nSubject: gone\r\n")},
	}
}

// generated makes n messages of ugly pieces. The same seed makes the same messages.
func generated(seed uint64, n int) (list []ugly) {
	r := rand.New(rand.NewPCG(seed, seed))
	for i := range n {
		g := &generator{Rand: r, left: 12}
		list = append(list, ugly{fmt.Sprintf("generated-%03d", i), g.message(0)})
	}
	return list
}

type generator struct {
	*rand.Rand
	left int // parts that may still be made
}

func (g *generator) one(of ...string) string { return of[g.IntN(len(of))] }

func (g *generator) message(depth int) string {
	var b strings.Builder
	add := func(chance int, name string, values ...string) {
		if g.IntN(10) < chance {
			b.WriteString(name + ": " + g.one(values...) + "\r\n")
		}
	}
	addresses := func() string {
		list := make([]string, 1+g.IntN(3))
		for i := range list {
			list[i] = g.one("a@example.test", "Alice <alice@example.test>", "\"B, C\" <b@example.test>", "c@example.test (Carol)", "Dan <@r.test:d@example.test>",
				"G: x@example.test;", "=?utf-8?b?w4Q=?= <ae@example.test>", "\"q r\"@example.test", "e@[192.0.2.7]", "Empty:;")
		}
		return strings.Join(list, g.one(", ", ",", ",\r\n "))
	}
	add(9, "MIME-Version", "1.0")
	add(8, "Date", "Mon, 3 Mar 2025 10:11:12 +0100", "3 Mar 2025 10:11:12 EST", "Mon,3 Mar 2025 10:11 -0000", "Tue, 4 Mar 25 00:00:01 GMT (now)", "Wed, 5 Mar 2025 23:30:00 -0800")
	add(8, "From", addresses())
	add(6, "To", addresses())
	add(3, "Cc", addresses())
	add(2, "Sender", addresses())
	add(2, "Reply-To", addresses())
	add(8, "Subject", "plain", "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "two\r\n lines", "\xc3\xa4 raw", "tab\there", "")
	add(7, "Message-ID", "<1@example.test>", "2@example.test", "<3@example.test> (c)")
	add(3, "In-Reply-To", "<4@example.test>", "<5@example.test> <6@example.test>", "a letter")
	add(2, "X-Long", strings.Repeat("long ", 50), "a\r\n\tb\r\n c")
	b.WriteString(g.part(depth))
	return b.String()
}

// part makes the MIME header of a part, a blank line and its body.
func (g *generator) part(depth int) string {
	g.left--
	var b strings.Builder
	if g.IntN(4) == 0 {
		b.WriteString("Content-ID: " + g.one("<p@x>", "p@x", "<p@x> (c)") + "\r\n")
	}
	if g.IntN(4) == 0 {
		b.WriteString("Content-Disposition: " + g.one("inline", "attachment; filename=a.txt", "ATTACHMENT; filename=\"a b.txt\"; size=3") + "\r\n")
	}
	if g.IntN(6) == 0 {
		b.WriteString("Content-Description: " + g.one("words", "=?utf-8?q?=C3=A4?=") + "\r\n")
	}
	if g.IntN(6) == 0 {
		b.WriteString("Content-Language: " + g.one("en", "de, en") + "\r\n")
	}
	kind := g.IntN(6)
	switch {
	case kind < 2 && depth < 4 && g.left > 0:
		boundary := g.one("b", "bb", "=_x", "a b") + fmt.Sprint(depth)
		fmt.Fprintf(&b, "Content-Type: multipart/%s; boundary=\"%s\"\r\n\r\n%s", g.one("mixed", "alternative", "related", "digest"), boundary, g.one("", "preamble\r\n"))
		for range 1 + g.IntN(3) {
			b.WriteString("--" + boundary + g.one("", "", " ") + "\r\n" + g.part(depth+1))
			if !strings.HasSuffix(b.String(), "\r\n") || g.IntN(2) == 0 {
				b.WriteString("\r\n")
			}
		}
		if g.IntN(4) > 0 {
			b.WriteString("--" + boundary + "--" + g.one("\r\n", "\r\nepilogue\r\n"))
		}
		return b.String()
	case kind == 2 && depth < 4 && g.left > 0:
		b.WriteString("Content-Type: message/rfc822\r\n\r\n" + g.message(depth+1))
		return b.String()
	}
	encoding := g.one("", "quoted-printable", "base64", "8bit", "7BIT")
	if encoding != "" {
		b.WriteString("Content-Transfer-Encoding: " + encoding + "\r\n")
	}
	if kind > 3 {
		b.WriteString("Content-Type: " + g.one("text/plain; charset=utf-8", "text/plain;\r\n charset=us-ascii; format=flowed", "text/html; charset=iso-8859-1", "application/pdf; name=x.pdf", "image/gif", "TEXT/PLAIN") + "\r\n")
	}
	b.WriteString("\r\n")
	switch encoding {
	case "quoted-printable":
		b.WriteString(g.one("Gr=C3=BC=C3=9Fe=\r\n there\r\n", "plain\r\n", "=E4=\r\n"))
	case "base64":
		b.WriteString(g.one("cGxhaW4gdGV4dA==\r\n", "cGxh\r\naW4=\r\n", ""))
	default:
		b.WriteString(g.one("some plain text\r\n", "first line\r\nsecond line\r\n\r\n", "no line end", "", "--not a boundary\r\n", "sch\xc3\xb6n\r\n"))
	}
	return b.String()
}
