package diagnose

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// Predicates about commands that a server can't read.

// malformedCommand finds a command that isn't well formed: one that the server refused for its form, or one that this
// server understands all the same and others don't. What is wrong comes from the protocol (Protocol.Flaw). If nothing can
// be seen, the finding quotes the server, as info. A session gives one.
func malformedCommand(c *Case) (all []Evidence) {
	for _, f := range c.Sessions {
		var first *Step
		var flaw *protocol.Flaw
		more := 0
		for _, s := range f.inTurn() {
			bad, is := f.malformed(s)
			if !is {
				continue
			}
			if first == nil || flaw == nil && bad != nil {
				first, flaw = s, bad
			}
			more++
		}
		if first != nil && !f.speaksOtherwise() {
			all = append(all, f.sayMalformed(first, flaw, more-1))
		}
	}
	return all
}

// speaksOtherwise reports whether the client's commands aren't meant for a server of this protocol at all, or whether what
// looks like commands is a message. Other findings tell.
func (f *Facts) speaksOtherwise() bool {
	alone := &Case{Sessions: []*Facts{f}}
	return f.Greeting.Class != event.OK || has[*event.ClearOnTLS](f) || f.Noticed(event.TLSOnClearPort) ||
		len(httpOnMailPort(alone)) > 0 || len(proxyHeader(alone)) > 0 || len(wrongProtocol(alone)) > 0 || len(sentMessageWithoutGoAhead(alone)) > 0
}

// malformed reports whether a command isn't well formed, and what is wrong with it, if that can be seen.
func (f *Facts) malformed(s *Step) (flaw *protocol.Flaw, is bool) {
	switch {
	case s.Reply.Injected != "" || !f.sawAll(s):
		return nil, false // a scenario's words say nothing about the command
	case s.Secret || s.Word.Secret != event.NoSecret:
		flaw = s.credentialFlaw()
		return flaw, flaw != nil && !(s.bySASL() && f.acted()) // a scenario's challenge, or its delay, may be what the client answered
	}
	refused := s.Reply.Class == event.Permanent
	if f.speaks.Flaw != nil && (refused || s.Reply.Class == event.OK && f.speaks.Envelopes) { // only in these is anything tolerated
		flaw = f.speaks.Flaw(protocol.Line{Tag: s.Tag, Verb: s.Verb, Args: s.Args})
	}
	switch {
	case flaw != nil:
		return flaw, refused || flaw.Tolerated
	case !refused || !s.Reply.NotUnderstood || !looksLikeCommand(s) || s.Word.Asks || f.unlistedExtension(s) != "":
		return nil, false // EHLO is refused by servers that know only HELO
	}
	return nil, true
}

// credentialFlaw says what may be wrong with a login that the server can't read. What the client said is masked, so it names
// what usually is. A login that was cancelled is refused like this too (RFC 4954 section 4, RFC 9051 section 6.2.2).
func (s *Step) credentialFlaw() *protocol.Flaw {
	switch {
	case !s.Reply.NotUnderstood || s.cancelled() || !s.logsIn():
	case s.bySASL() && s.mechanism() == "":
		return &protocol.Flaw{What: "The name of the authentication mechanism is missing", Section: "RFC 4954 section 4, RFC 9051 section 6.2.2", Do: "name a mechanism that the server lists, like " + s.Verb + " PLAIN"}
	case s.bySASL() && s.provedSecret() && !slices.Contains(tokenMechanisms, s.mechanism()): // a token has a dialogue of its own
		return &protocol.Flaw{What: "The response, which mailrig doesn't record, isn't base64, or hasn't the form that " + s.mechanism() + " wants",
			Section: "RFC 4954 section 4, RFC 9051 section 6.2.2", Do: "encode the response as base64 without line ends, in the mechanism's own form"}
	case s.Word.Secret == event.SecretBehind && !s.Word.Digest && s.Secret:
		return &protocol.Flaw{What: "Probably the user name or the password, which mailrig doesn't record, has a space, a quotation mark, a bracket or a backslash, and isn't quoted",
			Section: "RFC 9051 sections 4.3 and 6.2.3", Do: "put both into quotation marks, with a backslash before quotation marks and backslashes in them"}
	}
	return nil
}

// sawAll reports whether the record holds all of a command's line.
func (f *Facts) sawAll(s *Step) bool { return int64(len(s.Line))+2 >= s.Bytes }

// looksLikeCommand leaves out blank lines, and pieces of something else.
func looksLikeCommand(s *Step) bool { return isWord.MatchString(s.Verb) }

func (f *Facts) sayMalformed(s *Step, flaw *protocol.Flaw, more int) Evidence {
	line := s.Line
	if s.Tag != "" && s.Verb != "" {
		line = strings.TrimPrefix(line, s.Tag+" ")
	}
	if s.Word.Secret != event.NoSecret {
		line = s.Verb
		if s.bySASL() {
			line += " " + s.mechanism()
		}
	}
	command := strings.TrimSpace(cmp.Or(strings.TrimSuffix(s.Verb, ":"), s.Tag, "an empty one"))
	e := Evidence{Sessions: []*Facts{f}, Step: s, Severity: Error, Words: map[string]string{
		"whom": "servers can't read", "command": command, "line": clip(line)}}
	var why []string
	switch {
	case flaw == nil:
		e.Severity, e.Words["whom"] = Info, "this server doesn't take"
		e.Words["advice"] = "For the client's developer: compare the command with the protocol's grammar."
	case flaw.Tolerated && !s.Reply.Failed():
		e.Severity, e.Words["whom"] = Warning, "other servers refuse"
	case !s.works() || f.laterAccepted(s):
		e.Severity = Warning
	}
	if flaw != nil {
		why = append(why, flaw.What+" ("+flaw.Section+").")
		e.Words["advice"] = "For the client's developer: let it " + flaw.Do + "."
	}
	if s.Reply.Failed() {
		why = append(why, "The server said: "+clip(s.Reply.Last()))
	}
	if more > 0 {
		why = append(why, "(And "+itoa(more)+" more in this session.)")
	}
	e.Words["why"] = strings.Join(why, " ")
	return e
}

// laterAccepted reports whether the server accepted the same command in another form later.
func (f *Facts) laterAccepted(s *Step) bool {
	i := slices.Index(f.Steps, s)
	return slices.ContainsFunc(f.Steps[i+1:], func(o *Step) bool { return o.Verb == s.Verb && o.Reply.Class == event.OK })
}

// clip shortens what a client or a server said, for a sentence.
func clip(text string) string {
	const most = 160
	text = strings.TrimSpace(text)
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}
