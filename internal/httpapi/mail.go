package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/answer"
	"github.com/mailrig/mailrig/internal/letter"
	"github.com/mailrig/mailrig/internal/mailroom"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/wait"
)

// Mail is what the HTTP door needs to know about messages.
type Mail interface {
	Mailroom() *mailroom.Room
	// ParseMatch parses words such as "to:bob@example.test" and "subject:Hi". An error is a *wait.BadCondition.
	ParseMatch(words ...string) ([]wait.Matcher, error)
}

const (
	usualPage   = 50
	longestPage = 1000
	mostIDs     = 1000     // that one request may delete
	mostOpened  = 100      // letters in one answer
	openedBytes = 16 << 20 // messages that are read for one answer, in bytes
	readers     = 4        // requests that read messages at the same time: a letter takes a multiple of the message

	largeMessage = 4 << 20 // from this size on, in bytes, messages are read one at a time
)

// reading keeps many requests from reading messages at the same time, and more than one from reading a large one. The
// caller calls done.
func (a *api) reading(ctx context.Context, size int64) (done func(), err error) {
	places := a.readers
	if size > largeMessage {
		places = a.largeReader
	}
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// fullMail is a message with its contents.
type fullMail struct {
	wait.Mail
	*contents
}

// contents is what a person sees of a message.
type contents struct {
	MessageID    string         `json:"message_id"`
	Date         time.Time      `json:"date,omitzero"` // of the Date field
	Addresses    addresses      `json:"addresses"`
	Header       []letter.Field `json:"headers"`
	Text         string         `json:"text"`
	TextFromHTML bool           `json:"text_from_html"`
	HTML         string         `json:"html"`
	Links        []string       `json:"links"`
	Codes        []string       `json:"codes"`
	Attachments  []letter.Part  `json:"attachments"`
	Problems     []string       `json:"problems"`
}

// addresses are those in the header. They may differ from the envelope's.
type addresses struct {
	From    []letter.Address `json:"from"`
	To      []letter.Address `json:"to"`
	Cc      []letter.Address `json:"cc"`
	Bcc     []letter.Address `json:"bcc"`
	ReplyTo []letter.Address `json:"reply_to"`
}

func opened(m wait.Mail, l *letter.Letter) fullMail {
	return fullMail{m, &contents{
		MessageID: l.MessageID, Date: l.Date, Addresses: addresses{l.From, l.To, l.Cc, l.Bcc, l.ReplyTo}, Header: l.Header,
		Text: l.Text, TextFromHTML: l.TextFromHTML, HTML: l.HTML, Links: l.Links, Codes: l.Codes, Attachments: l.Attachments, Problems: l.Problems,
	}}
}

// EncodeMail returns the JSON of a message with its contents, as GET /api/v1/mail/{id} has it.
func EncodeMail(m wait.Mail, raw []byte) ([]byte, error) {
	return json.Marshal(opened(m, letter.Open(raw)))
}

// openAll adds the contents to the first messages, as many as an answer may have.
func (a *api) openAll(ctx context.Context, list []wait.Mail) ([]fullMail, error) {
	out := make([]fullMail, len(list))
	if len(list) == 0 {
		return out, nil
	}
	var size int64
	for _, m := range list[:min(len(list), mostOpened)] {
		size += m.Bytes
	}
	done, err := a.reading(ctx, size)
	if err != nil {
		return nil, err
	}
	defer done()
	room := int64(openedBytes)
	for i, m := range list {
		out[i].Mail = m
		if room -= m.Bytes; m.Read == nil || i >= mostOpened || i > 0 && room < 0 {
			continue
		}
		raw, err := m.Raw(ctx)
		if err != nil {
			return nil, err
		}
		out[i] = opened(m, letter.Open(raw))
	}
	return out, nil
}

// mailPage is a page of a list of messages.
type mailPage struct {
	Messages []wait.Mail `json:"messages"`
	Next     uint64      `json:"next"`             // value of "after" for what comes later
	Before   uint64      `json:"before,omitempty"` // value of "before" for the next page; absent on the last one
}

// listMail lists messages, the latest first: ?match=…&user=…&after=N&before=N&limit=N.
func (a *api) listMail(w http.ResponseWriter, r *http.Request) {
	q, err := a.mailQuery(r.URL.Query(), "match", "user", "after", "before", "limit")
	if err != nil {
		a.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	page, err := a.Rig.Mailroom().List(r.Context(), q)
	if err != nil {
		a.mailTrouble(w, r, "list messages", err)
		return
	}
	a.json(w, http.StatusOK, mailPage{answer.List(page.Messages), page.Next, page.Before})
}

// mailQuery parses the parameters that choose messages. Others than known are errors: a misspelt one must not mean all
// messages.
func (a *api) mailQuery(values url.Values, known ...string) (q mailroom.Query, err error) {
	for key := range values {
		if !slices.Contains(known, key) {
			return q, fmt.Errorf("there is no parameter %q; use %s", key, strings.Join(known, ", "))
		}
	}
	q = mailroom.Query{User: values.Get("user"), Limit: usualPage}
	number := func(key string, most uint64) (n uint64) {
		if text := values.Get(key); err == nil && values.Has(key) {
			if n, err = strconv.ParseUint(text, 10, 63); err != nil || n > most {
				err = fmt.Errorf("%q is %q, not a number from 0 to %d", key, text, most)
			}
		}
		return n
	}
	q.After, q.Before = number("after", 1<<63-1), number("before", 1<<63-1)
	if limit := number("limit", longestPage); values.Has("limit") {
		q.Limit = int(limit)
	}
	if err != nil {
		return q, err
	}
	if values.Has("user") && q.User == "" {
		return q, errors.New("user is empty; give an address such as alice@example.test, or leave it out")
	}
	if match := values["match"]; len(match) > 0 {
		q.Match, err = a.Rig.ParseMatch(match...)
	}
	return q, err
}

// mailTrouble answers when something about a message has failed.
func (a *api) mailTrouble(w http.ResponseWriter, r *http.Request, what string, err error) {
	var bad *wait.BadCondition
	switch {
	case errors.Is(err, mailroom.ErrNoMail):
		a.fail(w, r, http.StatusNotFound, fmt.Sprintf("there is no message with the id %q; it may have been deleted. GET /api/v1/mail lists the others", r.PathValue("id")))
	case errors.As(err, &bad):
		a.fail(w, r, http.StatusBadRequest, err.Error())
	case errors.Is(err, store.ErrTooBig):
		a.fail(w, r, http.StatusRequestEntityTooLarge, err.Error()+"; send less, or raise --max-message-bytes")
	case errors.Is(err, store.ErrFull), errors.Is(err, store.ErrOverQuota):
		a.fail(w, r, http.StatusInsufficientStorage, err.Error())
	case errors.Is(err, store.ErrBadName), errors.Is(err, store.ErrNotSelectable):
		a.fail(w, r, http.StatusBadRequest, err.Error())
	case r.Context().Err() != nil: // the client left, or mailrig is stopping
	case store.Unavailable(err):
		a.fail(w, r, http.StatusServiceUnavailable, err.Error())
	default:
		a.broken(w, r, what, err)
	}
}

// named returns the message that the path names. ok is false if it has answered.
func (a *api) named(w http.ResponseWriter, r *http.Request) (m wait.Mail, ok bool) {
	m, err := a.Rig.Mailroom().Get(r.Context(), r.PathValue("id"))
	if err != nil {
		a.mailTrouble(w, r, "find a message", err)
	}
	return m, err == nil
}

// raw returns the bytes of a message. ok is false if it has answered.
func (a *api) raw(w http.ResponseWriter, r *http.Request, m wait.Mail) (raw []byte, ok bool) {
	raw, err := m.Raw(r.Context())
	if errors.Is(err, store.ErrGone) {
		err = mailroom.ErrNoMail
	}
	if err != nil {
		a.mailTrouble(w, r, "read a message", err)
	}
	return raw, err == nil
}

// letter gives answer the message that the path names, and its contents. Until answer returns, memory is reserved for
// them.
func (a *api) letter(w http.ResponseWriter, r *http.Request, answer func(wait.Mail, *letter.Letter)) {
	m, ok := a.named(w, r)
	if !ok {
		return
	}
	done, err := a.reading(r.Context(), m.Bytes)
	if err != nil {
		return // nobody is there to get an answer
	}
	read := sync.OnceFunc(done)
	defer read()
	if a.Answers.ReserveAlone(m.Bytes) != nil {
		a.fail(w, r, http.StatusServiceUnavailable, "too many large messages are being fetched at a time; try again in a moment")
		return
	}
	defer a.Answers.Release(m.Bytes)
	if raw, ok := a.raw(w, r, m); ok {
		l := letter.Open(raw)
		read() // a client that reads slowly mustn't keep others from reading
		answer(m, l)
	}
}

func (a *api) oneMail(w http.ResponseWriter, r *http.Request) {
	a.letter(w, r, func(m wait.Mail, l *letter.Letter) { a.json(w, http.StatusOK, opened(m, l)) })
}

// rawMail returns the bytes of a message, exactly as they are.
func (a *api) rawMail(w http.ResponseWriter, r *http.Request) {
	if m, ok := a.named(w, r); ok {
		if raw, ok := a.raw(w, r, m); ok {
			download(w, "message/rfc822", "message.eml", raw)
		}
	}
}

func (a *api) mailPart(w http.ResponseWriter, r *http.Request) {
	a.letter(w, r, func(m wait.Mail, l *letter.Letter) {
		p, ok := l.Part(r.PathValue("part"))
		if !ok {
			a.fail(w, r, http.StatusNotFound, fmt.Sprintf("the message %s has no attachment %q; its \"attachments\" list their ids", m.ID, r.PathValue("part")))
			return
		}
		download(w, p.Type, p.Name, p.Content)
	})
}

func (a *api) deleteOne(w http.ResponseWriter, r *http.Request) {
	n, err := a.Rig.Mailroom().Delete(r.Context(), r.PathValue("id"))
	if err == nil && n == 0 {
		err = mailroom.ErrNoMail
	}
	if err != nil {
		a.mailTrouble(w, r, "delete a message", err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// deleteMail deletes the messages that ?id= names, or those that ?match= and ?user= choose. Without any of them it is an
// error: a script whose variable is empty must not delete everybody's mail.
func (a *api) deleteMail(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	for _, name := range []string{"id", "match", "user"} {
		if values.Has(name) && len(commas(values[name])) == 0 {
			a.fail(w, r, http.StatusBadRequest, fmt.Sprintf("%s is empty; give a value, or leave it out", name))
			return
		}
	}
	ids := commas(values["id"])
	if len(ids) > 0 && len(values) > 1 || len(ids) > mostIDs {
		a.fail(w, r, http.StatusBadRequest, fmt.Sprintf("id can't be combined with other parameters, and can name %d messages at most; send several requests", mostIDs))
		return
	}
	values.Del("id")
	q, err := a.mailQuery(values, "match", "user", "after")
	if err == nil && len(ids) == 0 && len(q.Match) == 0 && q.User == "" {
		err = errors.New("which messages? Give id, a match other than any, or user; POST /api/v1/reset deletes everybody's")
	}
	if err != nil {
		a.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	n := 0
	if len(ids) > 0 {
		n, err = a.Rig.Mailroom().Delete(r.Context(), ids...)
	} else {
		n, err = a.Rig.Mailroom().DeleteMatching(r.Context(), q)
	}
	if err != nil {
		a.mailTrouble(w, r, "delete messages", err)
		return
	}
	a.json(w, http.StatusOK, map[string]int{"deleted": n})
}

// userPage is a page of the list of accounts.
type userPage struct {
	Users []mailroom.Account `json:"users"`
	Next  string             `json:"next,omitempty"` // value of "after" for the next page; absent on the last one
}

// users lists the accounts by address: ?after=ADDRESS&limit=N.
func (a *api) users(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	err := onlyParameters(r, "after", "limit")
	limit := longestPage
	if err == nil && q.Has("limit") {
		if limit, err = strconv.Atoi(q.Get("limit")); err != nil || limit < 1 || limit > longestPage {
			err = fmt.Errorf(`"limit" is %q, not a number from 1 to %d`, q.Get("limit"), longestPage)
		}
	}
	if err != nil {
		a.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	users, more, err := a.Rig.Mailroom().Accounts(r.Context(), q.Get("after"), limit)
	if err != nil {
		a.mailTrouble(w, r, "list the accounts", err)
		return
	}
	page := userPage{Users: users}
	if more {
		page.Next = users[len(users)-1].Address
	}
	a.json(w, http.StatusOK, page)
}

func (a *api) mailboxes(w http.ResponseWriter, r *http.Request) {
	folders, ok, err := a.Rig.Mailroom().Folders(r.Context(), r.PathValue("user"))
	switch {
	case err != nil:
		a.mailTrouble(w, r, "list the mailboxes", err)
	case !ok:
		a.fail(w, r, http.StatusNotFound, fmt.Sprintf("there is no user %q yet; an account begins with its first login or delivery. GET /api/v1/users lists them", r.PathValue("user")))
	default:
		a.json(w, http.StatusOK, map[string]any{"mailboxes": answer.List(folders)})
	}
}
