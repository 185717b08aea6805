package fault

// Spoken is a fault that acts in some protocols only. A rule that meets none of them could
// never act; who loads a scenario says so.
type Spoken interface{ Protocols() []string }

// texts lists the protocols for which a fault has a text.
func texts(smtp, imap, pop3 string) (list []string) {
	for _, p := range []struct{ name, text string }{{"smtp", smtp}, {"imap", imap}, {"pop3", pop3}} {
		if p.text != "" {
			list = append(list, p.name)
		}
	}
	return list
}

var everyProtocol = []string{"smtp", "imap", "pop3"}

// Protocols are those that it has a text for; raw bytes are for all.
func (f *Greeting) Protocols() []string { return rawOr(f.Raw, f.SMTP, f.IMAP, f.POP3) }

// Protocols are as Greeting's.
func (f *Reply) Protocols() []string { return rawOr(f.Raw, f.SMTP, f.IMAP, f.POP3) }

// Protocols are as Greeting's.
func (f *ReplaceReply) Protocols() []string { return texts(f.SMTP, f.IMAP, f.POP3) }

// Protocols are as Greeting's.
func (f *Say) Protocols() []string { return texts(f.SMTP, f.IMAP, f.POP3) }

// Protocols are as Greeting's.
func (f *Login) Protocols() []string { return texts(f.SMTP, f.IMAP, f.POP3) }

// Protocols are as Greeting's; what is kept is kept in all.
func (f *StartTLS) Protocols() []string {
	if f.Keep {
		return everyProtocol
	}
	return rawOr(f.Raw, f.SMTP, f.IMAP, f.POP3)
}

// Protocols leaves out the directions that a protocol hasn't.
func (f *CutMessage) Protocols() []string {
	if f.In == InDownload {
		return []string{"imap", "pop3"}
	}
	return []string{"smtp", "imap"}
}

// Protocols are those whose clients send messages.
func (f *DelayFinalReply) Protocols() []string { return []string{"smtp", "imap"} }

// Protocols are those whose clients send messages.
func (f *SizeLimit) Protocols() []string { return []string{"smtp", "imap"} }

// Protocols is SMTP.
func (f *LimitRecipients) Protocols() []string { return []string{"smtp"} }

// Protocols is SMTP.
func (f *Greylist) Protocols() []string { return []string{"smtp"} }

// Protocols is SMTP.
func (f *BounceLater) Protocols() []string { return []string{"smtp"} }

// Protocols is IMAP.
func (f *Preauth) Protocols() []string { return []string{"imap"} }

// Protocols is IMAP.
func (f *Folders) Protocols() []string { return []string{"imap"} }

// Protocols is IMAP.
func (f *Hierarchy) Protocols() []string { return []string{"imap"} }

// Protocols is IMAP.
func (f *Meanwhile) Protocols() []string { return []string{"imap"} }

// Protocols is IMAP.
func (f *Idle) Protocols() []string { return []string{"imap"} }

// Protocols are those that read mailboxes.
func (f *Fill) Protocols() []string { return []string{"imap", "pop3"} }

func rawOr(raw, smtp, imap, pop3 string) []string {
	if raw != "" {
		return everyProtocol
	}
	return texts(smtp, imap, pop3)
}
