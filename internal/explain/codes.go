package explain

import (
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/lazyregexp"
	"github.com/mailrig/mailrig/internal/refusal"
)

// codeSign says what a reply means by its code, at a command. All its fields that aren't empty must match.
type codeSign struct {
	Protocol string `yaml:"protocol"`
	At       string `yaml:"at"`       // commands, separated by spaces; "greeting"; "message": after DATA
	Code     string `yaml:"code"`     // 535, AUTHENTICATIONFAILED; 5 matches every code that begins with 5
	Enhanced string `yaml:"enhanced"` // without its class: 7.8
	Status   string `yaml:"status"`   // IMAP: NO, BAD, BYE
	Means    string `yaml:"means"`
	Sure     Sure   `yaml:"sure"`
}

// loginMeanings translates refusal's meanings for a refused login.
var loginMeanings = map[refusal.Meaning]struct {
	means string
	sure  Sure
}{
	refusal.AppPassword:      {"app-password", Certain},
	refusal.WebLogin:         {"web-login", Certain},
	refusal.OAuthWanted:      {"oauth-required", Certain},
	refusal.SendingOff:       {"smtp-login-off", Certain},
	refusal.NoLogins:         {"login-not-offered", Probable},
	refusal.ServiceOff:       {"access-off", Certain},
	refusal.Referred:         {"referred", Certain},
	refusal.Expired:          {"account-locked", Certain},
	refusal.SetAnew:          {"account-locked too-many-connections limit-reached", OneOf},
	refusal.TooWeak:          {"login-method app-password", Probable},
	refusal.NoSuchMechanism:  {"login-method login-not-offered", Probable},
	refusal.NoSuchCommand:    {"login-not-offered encryption-required", Probable},
	refusal.NeedsEncryption:  {"encryption-required", Certain},
	refusal.NeedsSomething:   {"encryption-required login-missing", Probable},
	refusal.TooManyAttempts:  {"too-many-logins", Certain},
	refusal.TooMany:          {"too-many-connections limit-reached", Probable},
	refusal.TooBig:           {"password-refused", OneOf},
	refusal.TooSoon:          {"limit-reached", Certain},
	refusal.Locked:           {"account-locked", Certain},
	refusal.AskAdministrator: {"account-locked", Certain},
	refusal.NotAuthorised:    {"account-locked", Probable},
	refusal.PerhapsForbidden: {"account-locked password-refused", OneOf},
	refusal.SystemFault:      {"access-off account-locked", OneOf},
	refusal.ServerFault:      {"server-fault", Certain},
	refusal.InUse:            {"mailbox-in-use", Certain},
	refusal.Temporary:        {"login-unavailable", Probable},
	refusal.WrongCredentials: {"LOGIN", OneOf},
}

// logins are the commands that log in.
var logins = []string{"AUTH", "LOGIN", "AUTHENTICATE", "USER", "PASS", "APOP"}

// refusal returns what a reply means.
func (t *Table) refusal(r reply) (all []evidence) {
	words := clip(strings.ReplaceAll(r.text, "\n", " "))
	add := func(means string, sure Sure) {
		ids, err := t.expand(means)
		if err == nil {
			all = append(all, evidence{means: ids, group: strings.ToLower(means) != means, sure: sure, level: serverCode, words: words, family: "server"})
		}
	}
	if r.Class == event.Nonsense {
		add("reply-unreadable wrong-protocol", Probable)
	}
	r.at = strings.TrimPrefix(r.at, "UID ")
	for _, c := range t.codes {
		if c.matches(r) {
			add(c.Means, c.Sure)
			break
		}
	}
	if slices.Contains(logins, r.at) {
		for _, reading := range refusal.Read(refusal.Reply{Protocol: r.protocol, Status: r.status(), Code: r.Code, Enhanced: r.Enhanced, Text: r.text}) {
			if m, ok := loginMeanings[reading.Meaning]; ok && !reading.Hint {
				add(m.means, m.sure)
				break
			}
		}
	}
	return all
}

func (r *reply) status() string {
	for _, word := range []string{"NO", "BAD", "BYE"} {
		if r.protocol == "imap" && strings.Contains(" "+r.text+" ", " "+word+" ") {
			return word
		}
	}
	return ""
}

func (c *codeSign) matches(r reply) bool {
	_, enhanced, _ := strings.Cut(r.Enhanced, ".")
	return (c.Protocol == "" || c.Protocol == r.protocol) &&
		(c.At == "" || slices.Contains(strings.Fields(c.At), r.at)) &&
		strings.HasPrefix(r.Code, c.Code) &&
		(c.Enhanced == "" || slices.Contains(strings.Fields(c.Enhanced), enhanced)) &&
		(c.Status == "" || c.Status == r.status())
}

var (
	tlsPort = lazyregexp.New(`[:, '"(]3?(465|993|995)\b`)
	saysTLS = lazyregexp.New(`(imap|smtp|pop3?)s://|ssl://|ssl/tls|smtp_ssl|imap4_ssl|pop3_ssl|tlsconnect|handshake`)
)

// portHint says that a client which waits at a port for TLS probably began without TLS.
func portHint(text string, all []evidence) []evidence {
	if !slices.ContainsFunc(all, func(e evidence) bool {
		return e.sure != Certain && e.level != userWords && slices.Contains(e.means, "clear-to-tls-port")
	}) {
		return nil
	}
	m := tlsPort.FindStringSubmatch(text)
	if m == nil || saysTLS.MatchString(text) {
		return nil
	}
	return []evidence{{means: []string{"clear-to-tls-port"}, sure: Certain, level: ownWords, words: "port " + m[1], family: "dialogue"}}
}

// embeddedReply is an SMTP reply inside a program's message: (535, b'5.7.8 ...'), "MAIL failed: 530", 550 "5.1.1 ...".
var embeddedReply = lazyregexp.New(`(?:(failed|refused|denied|rejected|returned|response|reply|message|code|status|error|said|got|server|with|greeting|smtp|send|responded|retcode)\b[^a-z0-9]{0,6}(?:code |was |with |is )?[^a-z0-9]{0,4}|[("'\[:] ?|^| )([45]\d\d)(?:[ ,:;'"()\]-]|b')+(?:#?([45])\.(\d{1,3})\.(\d{1,3})\b)?|(?:^|[ "'(:])(failed|denied|code|response|error|got)[^a-z0-9]{1,6}([45]\d\d)$`)

// stages are words around an embedded reply that tell the command. The first one that is there counts.
var stages = []struct {
	words *lazyregexp.Regexp
	at    string
}{
	{lazyregexp.New(`starttls|upgrade|smtpresponseexception`), "STARTTLS"},
	{lazyregexp.New(`smtpauth|auth\b|authentic|login|eauth|invalid login|mechanism|credential`), "AUTH"},
	{lazyregexp.New(`rcpt|recipient|eenvelope`), "RCPT"},
	{lazyregexp.New(`mail from|mail failed|mail command|sender|envelope from`), "MAIL"},
	{lazyregexp.New(`data (command )?failed`), "DATA"},
	{lazyregexp.New(`smtpdata|data\b|emessage`), "message"},
	{lazyregexp.New(`initial ok message|greeting|connecterror|smtpconnect|unexpected smtp-server`), "greeting"},
	{lazyregexp.New(`helo|ehlo|remote access denied`), "EHLO"},
}

// toldSuccess is an SMTP reply that says yes, in a message of a program that reports it as an error: the program has read
// another reply than it wanted.
var toldSuccess = lazyregexp.New(`(?:^|(?:failed|refused|rejected|unexpected|invalid|error|send)[^a-z0-9]{1,6})[123]\d\d(?: "|,? b?['"]| [123]\.\d\.\d )|response= ?[123]\d\d `)

// mostEmbedded is how many replies inside messages are looked at.
const mostEmbedded = 20

// embedded finds replies inside the messages of programs.
func embedded(text string) (all []reply) {
	if len(text) > 64<<10 {
		text = text[len(text)-64<<10:]
	}
	if m := toldSuccess.FindStringIndex(text); m != nil {
		all = append(all, reply{protocol: "smtp", text: text[m[0]:m[1]], Verdict: event.Verdict{Class: event.Nonsense}})
	}
	for _, m := range embeddedReply.FindAllStringSubmatchIndex(text, mostEmbedded) {
		group := func(i int) string {
			if m[2*i] < 0 {
				return ""
			}
			return text[m[2*i]:m[2*i+1]]
		}
		r := reply{protocol: "smtp", text: text[m[0]:min(len(text), m[1]+120)]}
		r.Code = group(2) + group(7)
		if group(3) != "" {
			r.Enhanced = group(3) + "." + group(4) + "." + group(5)
		} else if group(1) == "" && group(6) == "" {
			continue // any number
		}
		r.Class = event.Permanent
		if r.Code[0] == '4' {
			r.Class = event.Temporary
		}
		around := text[max(0, m[0]-60):m[1]]
		for _, s := range stages {
			if s.words.MatchString(around) {
				r.at = s.at
				break
			}
		}
		all = append(all, r)
	}
	return all
}
