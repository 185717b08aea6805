package fault

// Kinds lists mailrig's own kinds of fault, in the order of a connection's life.
func Kinds() []Kind {
	var all []Kind
	for _, f := range []Fault{
		(*Connect)(nil),
		(*Drip)(nil),
		(*Security)(nil),
		(*Certificate)(nil),
		(*TLSDemands)(nil),
		(*Handshake)(nil),
		(*Preauth)(nil),
		(*DelayGreeting)(nil),
		(*Greeting)(nil),
		(*Hide)(nil),
		(*Strip)(nil),
		(*Add)(nil),
		(*Capabilities)(nil),
		(*DelayReply)(nil),
		(*DelayFinalReply)(nil),
		(*Say)(nil),
		(*Reply)(nil),
		(*ReplaceReply)(nil),
		(*EditReply)(nil),
		(*EndConnection)(nil),
		(*IdleTimeout)(nil),
		(*Life)(nil),
		(*StartTLS)(nil),
		(*CutMessage)(nil),
		(*Login)(nil),
		(*Auth)(nil),
		(*SpoilProof)(nil),
		(*OAuth)(nil),
		(*Issuer)(nil),
		(*TokenChallenge)(nil),
		(*FailingMechanisms)(nil),
		(*PasswordCharset)(nil),
		(*LimitConnections)(nil),
		(*Folders)(nil),
		(*Hierarchy)(nil),
		(*Fill)(nil),
		(*Renumber)(nil),
		(*Meanwhile)(nil),
		(*Idle)(nil),
		(*RateLimit)(nil),
		(*Greylist)(nil),
		(*SizeLimit)(nil),
		(*LimitRecipients)(nil),
		(*Delivery)(nil),
		(*BounceLater)(nil),
	} {
		all = append(all, f.Kind())
	}
	return all
}
