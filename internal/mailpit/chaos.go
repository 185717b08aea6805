package mailpit

import (
	"encoding/json"
	"errors"
	"net/http"
)

// Trigger says how probable it is that something fails, in percent, and with which SMTP code.
type Trigger struct{ ErrorCode, Probability int }

// Triggers are what can fail: MAIL, RCPT and AUTH.
type Triggers struct{ Sender, Recipient, Authentication Trigger }

// NoTriggers are the triggers while nothing fails, with the codes that are used if none is given.
var NoTriggers = Triggers{Sender: Trigger{ErrorCode: 451}, Recipient: Trigger{ErrorCode: 451}, Authentication: Trigger{ErrorCode: 535}}

// Chaos makes things fail by chance.
type Chaos interface {
	Triggers() Triggers
	SetTriggers(Triggers) error
}

// chaos answers with the triggers.
func (h *Handler) chaos(w http.ResponseWriter, _ *http.Request) {
	if h.cfg.Chaos == nil {
		bad(w, "Chaos is not enabled")
		return
	}
	writeJSON(w, http.StatusOK, h.cfg.Chaos.Triggers())
}

// setChaos replaces all triggers. A trigger that isn't given never fails. Like Mailpit, it keeps those before one that is wrong.
func (h *Handler) setChaos(w http.ResponseWriter, r *http.Request) {
	if h.cfg.Chaos == nil {
		bad(w, "Chaos is not enabled")
		return
	}
	var given Triggers
	if err := json.NewDecoder(r.Body).Decode(&given); err != nil {
		badBody(w, err)
		return
	}
	wanted := NoTriggers
	wrong := wanted.Sender.set(given.Sender)
	if wrong == nil {
		wrong = wanted.Recipient.set(given.Recipient)
	}
	if wrong == nil {
		wrong = wanted.Authentication.set(given.Authentication)
	}
	if err := h.cfg.Chaos.SetTriggers(wanted); err != nil {
		h.trouble(w, r, err)
		return
	}
	if wrong != nil {
		bad(w, wrong.Error())
		return
	}
	h.chaos(w, r)
}

// set takes what is given. Without a code it keeps its own.
func (t *Trigger) set(given Trigger) error {
	if given.ErrorCode == 0 {
		given.ErrorCode = t.ErrorCode
	}
	switch {
	case given.ErrorCode < 400 || given.ErrorCode > 599:
		return errors.New("error code must be between 400 and 599")
	case given.Probability < 0 || given.Probability > 100:
		return errors.New("probability must be between 0 and 100")
	}
	*t = given
	return nil
}
