package httpapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/mailrig/mailrig/internal/answer"
	"github.com/mailrig/mailrig/internal/letter"
	"github.com/mailrig/mailrig/internal/mailroom"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/seed"
	"github.com/mailrig/mailrig/internal/wait"
)

const (
	uploads    = 2  // large bodies that are read at the same time
	mostFlags  = 50 // of a seeded message
	longerJSON = 2  // JSON may be this many times as long as the message that it describes (base64)
)

// bodyLimit returns how many bytes the body of a request may have.
func (a *api) bodyLimit(r *http.Request) int64 {
	if a.MaxMessageBytes == 0 || r.Method != http.MethodPost {
		return maxBody
	}
	switch r.URL.Path {
	case "/api/v1/mail", "/api/v1/send":
		return max(maxBody, longerJSON*a.MaxMessageBytes)
	case "/api/v1/seed":
		return max(maxBody, a.MaxMessageBytes)
	}
	return maxBody
}

// upload reads the body of a request. ok is false if it has answered.
func (a *api) upload(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	if r.ContentLength < 0 || r.ContentLength > maxBody {
		select {
		case a.uploads <- struct{}{}:
			defer func() { <-a.uploads }()
		case <-r.Context().Done():
			return nil, false
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		a.badBody(w, r, fmt.Errorf("read the request's body: %w", err))
		return nil, false
	}
	return body, true
}

// jsonTypes are the types of a body in JSON: none, the right one, and that which curl -d sets.
var jsonTypes = []string{"", "application/json", "text/json", "text/plain", "application/x-www-form-urlencoded"}

const draftForm = `send {"from":"shop@example.test","to":["bob@example.test"],"subject":"…","text":"…","html":"…"}, or a whole message with Content-Type: message/rfc822 and ?from= and ?to=`

// sendMail delivers a message: one that is described in JSON, or a whole one for ?to=ADDRESS,ADDRESS.
func (a *api) sendMail(w http.ResponseWriter, r *http.Request) {
	whole := strings.HasPrefix(r.Header.Get("Content-Type"), "message/rfc822")
	known := []string{}
	if whole {
		known = []string{"from", "to"}
	}
	if err := onlyParameters(r, known...); err != nil {
		a.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); !whole && !slices.Contains(jsonTypes, kind) {
		a.fail(w, r, http.StatusUnsupportedMediaType, fmt.Sprintf("the Content-Type is %q; %s", kind, draftForm))
		return
	}
	body, ok := a.upload(w, r)
	if !ok {
		return
	}
	sender, recipients, raw := r.URL.Query().Get("from"), commas(r.URL.Query()["to"]), body
	var err error
	if whole {
		switch {
		case len(recipients) == 0:
			err = errors.New("the message has no recipient; give ?to=bob@example.test")
		case len(recipients) > letter.MostRecipients:
			err = fmt.Errorf("the message has %d recipients; give %d at most", len(recipients), letter.MostRecipients)
		}
		for _, address := range append(recipients, sender) {
			err = cmp.Or(err, checkAddress(address))
		}
	} else {
		var d letter.Draft
		if err = decode(body, &d); err == nil {
			raw, sender, recipients, err = letter.Compose(d, time.Now())
		} else {
			err = fmt.Errorf("the body isn't the expected JSON: %w; %s", err, draftForm)
		}
	}
	if err != nil {
		a.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	added, err := a.Rig.Mailroom().Deliver(r.Context(), sender, recipients, raw)
	a.added(w, r, "deliver a message", added, err)
}

// seedMail puts a message into a mailbox: ?user=ADDRESS&folder=NAME&flags=\Seen&raw=yes.
func (a *api) seedMail(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	flags := commas(q["flags"])
	err := onlyParameters(r, "user", "folder", "flags", "raw")
	switch {
	case err != nil:
	case q.Get("user") == "":
		err = errors.New("whose mailbox? Give ?user=alice@example.test")
	case len(flags) > mostFlags:
		err = fmt.Errorf("the message has %d flags; give %d at most", len(flags), mostFlags)
	case q.Has("raw") && q.Get("raw") != "yes":
		err = fmt.Errorf("raw is %q; say raw=yes, or leave it out", q.Get("raw"))
	default:
		err = checkAddress(q.Get("user"))
	}
	for _, f := range flags {
		if strings.ContainsAny(f, " (){%*\"]") || strings.ContainsFunc(f, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
			err = fmt.Errorf("%q isn't a flag (RFC 9051 section 2.3.2); give one such as \\Seen or $Forwarded", f)
		}
	}
	if err != nil {
		a.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	body, ok := a.upload(w, r)
	if !ok {
		return
	}
	if len(body) == 0 {
		a.fail(w, r, http.StatusBadRequest, "the body is empty; send the message's bytes (curl --data-binary @message.eml)")
		return
	}
	if q.Get("raw") == "" {
		body = seed.LineEnds(body)
	}
	folder := q.Get("folder")
	if folder == "" {
		folder = store.Inbox
	}
	added, err := a.Rig.Mailroom().Append(r.Context(), q.Get("user"), folder, flags, body)
	a.added(w, r, "seed a message", added, err)
}

// added answers with messages that have been added.
func (a *api) added(w http.ResponseWriter, r *http.Request, what string, added []wait.Mail, err error) {
	var page mailroom.Page
	if err == nil {
		page, err = a.Rig.Mailroom().List(r.Context(), mailroom.Query{})
	}
	if err != nil {
		a.mailTrouble(w, r, what, err)
		return
	}
	a.json(w, http.StatusCreated, mailPage{Messages: answer.List(added), Next: page.Next})
}

// reset forgets everything or, with ?user=, one user's mail.
func (a *api) reset(w http.ResponseWriter, r *http.Request) {
	user, err := userOf(r)
	switch {
	case err != nil:
		a.badBody(w, r, err)
		return
	case user != "":
		err = a.Rig.ResetUser(r.Context(), user)
	default:
		err = a.Rig.Reset()
	}
	if err != nil {
		a.broken(w, r, "reset", err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// onlyParameters refuses parameters that a resource doesn't have.
func onlyParameters(r *http.Request, known ...string) error {
	for key := range r.URL.Query() {
		if !slices.Contains(known, key) {
			if len(known) == 0 {
				return fmt.Errorf("there is no parameter %q; this takes none", key)
			}
			return fmt.Errorf("there is no parameter %q; use %s", key, strings.Join(known, ", "))
		}
	}
	return nil
}

// decode reads JSON with known members only.
func decode(body []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("something follows the JSON")
	}
	return nil
}

// checkAddress refuses what SMTP refuses too: control characters, and brackets around the address or a name before it.
func checkAddress(address string) error {
	if strings.ContainsFunc(address, unicode.IsControl) || !strings.HasPrefix(address, `"`) && strings.ContainsAny(address, "<> ") {
		return fmt.Errorf("%q isn't an address; give one like bob@example.test, without a name or brackets", address)
	}
	return nil
}
