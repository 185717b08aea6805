package transcript

import (
	"crypto/tls"
	"fmt"

	"github.com/mailrig/mailrig/internal/event"
)

// Words says in mailrig's words what an event means. The remark is empty if the event leaves no unit.
func Words(e *event.Event) Remark {
	switch w := e.What.(type) {
	case *event.Delayed:
		return Remark{Delayed, delays[w.Of] + " delayed by " + w.For.String()}
	case *event.Silenced:
		return Remark{Silent, silence(w)}
	case *event.Cut:
		return Remark{Cut, cut(w)}
	case *event.Waiting:
		if w.For == event.AwaitsHello {
			return Remark{NoHello, "nothing said: this port waits for a TLS handshake, and the client seems to wait for a greeting"}
		}
	case *event.ClearOnTLS:
		text := "clear text on a port that needs TLS from the first byte"
		if w.StartTLS {
			text = "clear text where a TLS handshake should begin"
		}
		if w.Protocol != "" {
			text += ": " + w.Protocol
		}
		return Remark{ClearOnTLSPort, text}
	case *event.BehindSTARTTLS:
		did := "dropped"
		if w.Kept {
			did = "kept"
		}
		return Remark{BehindSTARTTLS, fmt.Sprintf("%s %d bytes of clear text that were sent behind STARTTLS", did, w.Bytes)}
	case *event.Bouncing:
		return Remark{"", fmt.Sprintf("a report that %s could not be reached follows in %v", w.Recipient, w.After)}
	case *event.TokenRequest:
		return Remark{TokenRequest, tokenRequest(w)}
	case *event.TokenUse:
		return Remark{TokenRefused, tokenUse(w)}
	case *event.Noticed:
		return signs[w.Sign]
	case *event.Setting:
		return Remark{"", setting(w)}
	case *event.Handshake:
		return Remark{"", handshake(w)}
	}
	return Remark{}
}

var delays = map[event.Delay]string{
	event.DelayedGreeting: "greeting", event.DelayedReply: "reply", event.DelayedFinalReply: "final reply",
}

var signs = map[event.Sign]Remark{
	event.SpokeEarly:       {SpokeEarly, "the client spoke before the greeting"},
	event.Pipelined:        {Pipelined, "the client goes on before the reply has been sent"},
	event.TookInjected:     {TookInjected, "the client went on without waiting for the reply: it took what was injected before TLS for it"},
	event.BareLF:           {BareLF, "a line of the message ends with LF alone, not with CR LF"},
	event.UnstuffedDot:     {UnstuffedDot, "a line of the message begins with a dot that isn't doubled"},
	event.TLSOnClearPort:   {TLSOnClearPort, "TLS from the first byte on a port that starts in clear"},
	event.Knocked:          {Knocked, "somebody tried to connect and got no answer"},
	event.Acknowledged:     {Acknowledged, "the client acknowledged the error"},
	event.NotAcknowledged:  {NotAcknowledged, "the client answered the error with something else than its mechanism's acknowledgement"},
	event.SpoiltProof:      {SpoiltProof, "the server's nonce or proof is wrong"},
	event.TrustedProof:     {TrustedProof, "the client goes on as if the server's nonce and proof were right"},
	event.LineTooLong:      {"", "line too long"},
	event.HeaderLine:       {"", "a line of a message's header where a command belongs"},
	event.NotIntroduced:    {"", "closed: the balancer sent no header of the PROXY protocol"},
	event.TurnedAway:       {"", "refused: too many connections are open"},
	event.LeftWaiting:      {"", "the client left without the reply"},
	event.WentOn:           {"", "the client goes on without the reply"},
	event.MuteIdle:         {"", "this IDLE tells nothing"},
	event.DeliveryLost:     {"", "accepted, and it never arrives"},
	event.DeliveryRepeated: {"", "accepted, and it arrives several times"},
	event.DeliveryLate:     {"", "accepted, and it arrives later"},
	event.CaptivePortal:    {"", "answered like a captive portal"},
}

func silence(w *event.Silenced) string {
	switch {
	case w.Moment == event.AtAccept && w.Instead:
		return "this system can't drop connections: accepted, and silent instead"
	case w.Moment == event.AtAccept:
		return "accepted, and silent"
	case w.Moment == event.AtHandshake:
		return "handshake: stall"
	}
	return "connection cut (silence)"
}

func cut(w *event.Cut) string {
	switch w.Moment {
	case event.AtAccept:
		return "accepted, and cut at once (" + w.How + ")"
	case event.AtHandshake:
		return "handshake: " + w.How
	}
	return "connection cut (" + w.How + ")"
}

func setting(w *event.Setting) string {
	switch w.Name {
	case event.SetCertificate:
		return "certificate: " + w.Text
	case event.SetPace:
		return fmt.Sprintf("%d bytes every %v", w.N, w.Each)
	case event.SetFirst:
		return "this door speaks " + w.Text + " first, against its nature"
	case event.SetMessageLimit:
		return fmt.Sprintf("messages are limited to %d bytes", w.N)
	case event.SetRecipientLimit:
		return fmt.Sprintf("messages are limited to %d recipients", w.N)
	case event.SetUser:
		return "begins logged in as " + w.Text
	case event.SetFill:
		return fmt.Sprintf("INBOX gets %d messages that are made up", w.N)
	case event.SetRenumber:
		return fmt.Sprintf("UIDs are %d higher than at other logins", w.N)
	case event.SetExpunge:
		return fmt.Sprintf("another session expunges message %v", w.Numbers)
	case event.SetDeliver:
		return fmt.Sprintf("new messages meanwhile: %d", w.N)
	}
	return ""
}

func handshake(w *event.Handshake) string {
	switch w.Outcome {
	case event.Established:
		return fmt.Sprintf("%s is up (%s)", tls.VersionName(w.Version), tls.CipherSuiteName(w.Cipher))
	case event.NoHandshake, event.StalledHandshake:
		return "no TLS handshake came: the client waits for a greeting, or isn't a mail client"
	}
	return ""
}

// Failure says why TLS failed. It returns "" if TLS didn't fail.
func Failure(t *event.TLS) string {
	if n := t.ClientAlert(); n != 0 {
		return fmt.Sprintf("remote error: %v", tls.AlertError(n))
	}
	switch t.Outcome {
	case event.Established:
		return ""
	case event.LeftByClient:
		if !t.Hello {
			return "the client left before the handshake"
		}
		return "the client left in the middle of the handshake"
	case event.NoHandshake, event.StalledHandshake:
		return "no handshake came in time"
	case event.SpoiltByScenario:
		return "spoilt by the scenario: " + t.Spoilt
	case event.TLSOnClearDoor:
		return "the client began with TLS on a port that starts in clear"
	}
	return t.Detail
}
