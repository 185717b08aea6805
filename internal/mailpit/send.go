package mailpit

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"slices"
	"strings"

	"github.com/jhillyerd/enmime/v2"

	"github.com/mailrig/mailrig/internal/store"
)

// mostRecipients is how many one call of /send may have, as at SMTP.
const mostRecipients = 1000

// restricted are the fields that a call of /send sets otherwise, or that it must not set.
var restricted = []string{"Bcc", "Cc", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "Mime-Version", "Reply-To", "Return-Path", "Received", "Subject", "To"}

// send makes a message and delivers it to everybody it names.
func (h *Handler) send(w http.ResponseWriter, r *http.Request) {
	fail := func(status int, format string, args ...any) {
		writeJSON(w, status, struct{ Error string }{fmt.Sprintf(format, args...)})
	}
	var body struct { // without a name, so that decoding errors read as Mailpit's
		From        struct{ Name, Email string }
		To          []struct{ Name, Email string }
		Cc          []struct{ Name, Email string }
		Bcc         []string
		ReplyTo     []struct{ Name, Email string }
		Subject     string
		Text        string
		HTML        string
		Attachments []struct{ Content, Filename, ContentType, ContentID string }
		Tags        []string
		Headers     map[string]string
	}
	if err := decode(r, &body); tooLarge(err) {
		fail(http.StatusRequestEntityTooLarge, "%v", err)
		return
	} else if err != nil {
		fail(http.StatusBadRequest, "%v", err)
		return
	}
	m := enmime.Builder().Subject(body.Subject)
	if body.From.Email != "" {
		m = m.From(oneLine(body.From.Name), oneLine(body.From.Email))
	}
	var recipients []string
	named := func(field string, list []struct{ Name, Email string }) (all []mail.Address, err error) {
		for _, a := range list {
			parsed, err := mail.ParseAddress(a.Email)
			if err != nil {
				return nil, fmt.Errorf("invalid %s address: %s", field, a.Email)
			}
			all = append(all, mail.Address{Name: oneLine(a.Name), Address: parsed.Address})
			if field != "Reply-To" {
				recipients = append(recipients, parsed.Address)
			}
		}
		return all, nil
	}
	to, errTo := named("To", body.To)
	cc, errCc := named("Cc", body.Cc)
	var errBcc error
	for _, address := range body.Bcc {
		parsed, err := mail.ParseAddress(address)
		if err != nil {
			errBcc = cmp.Or(errBcc, fmt.Errorf("invalid Bcc address: %s", address))
			continue
		}
		m = m.BCC("", parsed.Address)
		recipients = append(recipients, parsed.Address)
	}
	replyTo, errReply := named("Reply-To", body.ReplyTo)
	for _, err := range []error{errTo, errCc, errBcc, errReply} {
		if err != nil {
			fail(http.StatusBadRequest, "%v", err)
			return
		}
	}
	if len(recipients) > mostRecipients {
		fail(http.StatusBadRequest, "%d recipients are too many; send to at most %d", len(recipients), mostRecipients)
		return
	}
	m = m.ToAddrs(to).CCAddrs(cc).ReplyToAddrs(replyTo)
	if body.Text != "" {
		m = m.Text([]byte(body.Text))
	}
	if body.HTML != "" {
		m = m.HTML([]byte(body.HTML))
	}
	for name, value := range body.Headers {
		if slices.ContainsFunc(restricted, func(other string) bool { return strings.EqualFold(name, other) }) {
			fail(http.StatusBadRequest, "cannot overwrite header: %q", name)
			return
		}
		if strings.Trim(name, fieldName) != "" || name == "" {
			fail(http.StatusBadRequest, "not a name of a header field: %q", name)
			return
		}
		m = m.Header(name, oneLine(value))
	}
	if tags := cleanTags(body.Tags); len(tags) > 0 {
		m = m.Header("X-Tags", strings.Join(tags, ", "))
	}
	for _, a := range body.Attachments {
		content := a.Content
		if strings.HasPrefix(content, "data:") {
			_, content, _ = strings.Cut(content, ",")
		}
		raw, err := base64.StdEncoding.DecodeString(content)
		if err != nil {
			fail(http.StatusBadRequest, "error decoding base64 attachment %q: %v", a.Filename, err)
			return
		}
		kind := oneLine(a.ContentType)
		if kind == "" {
			kind = http.DetectContentType(raw)
		}
		if a.ContentID != "" {
			m = m.AddInline(raw, kind, oneLine(a.Filename), oneLine(a.ContentID))
		} else {
			m = m.AddAttachment(raw, kind, oneLine(a.Filename))
		}
	}
	part, err := m.Build()
	if err != nil {
		fail(http.StatusBadRequest, "error building message: %v", err)
		return
	}
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "Return-Path: <%s>\r\n", oneLine(body.From.Email))
	if err := part.Encode(&raw); err != nil {
		fail(http.StatusBadRequest, "error building message: %v", err)
		return
	}
	user, _, _ := r.BasicAuth()
	sent, err := h.cfg.Sent.Deliver(r.Context(), recipients, store.Incoming{
		Content:  store.Bytes(raw.Bytes()),
		Envelope: store.Envelope{From: body.From.Email, Recipients: recipients, User: user},
	})
	switch {
	case errors.Is(err, store.ErrTooBig):
		fail(http.StatusRequestEntityTooLarge, "%v; send less, or raise --max-message-bytes", err)
	case errors.Is(err, store.ErrOverQuota):
		fail(http.StatusInsufficientStorage, "%v", err)
	case err != nil:
		fail(http.StatusServiceUnavailable, "%v", err)
	default:
		writeJSON(w, http.StatusOK, struct{ ID string }{idOf(sent[0].Message)})
	}
}

const fieldName = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// oneLine makes blanks of characters that could begin another header field.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// tooLarge reports whether a request's body is larger than the HTTP door takes.
func tooLarge(err error) bool {
	var e *http.MaxBytesError
	return errors.As(err, &e)
}
