package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/httpapi"
	"github.com/mailrig/mailrig/internal/letter"
	"github.com/mailrig/mailrig/internal/mailroom"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/wait"
)

const mostAccounts = 200 // in the list of accounts

// mailBox says which messages a list has: those of one mailbox, of one account, or all.
type mailBox struct {
	User, Folder string // "" means all
	Query        string
	Before       uint64
}

// Path is the address of the list.
func (b mailBox) Path() string {
	path := "/mail"
	if b.User != "" {
		path += "/" + url.PathEscape(b.User)
		if b.Folder != "" {
			path += "/" + url.PathEscape(b.Folder)
		}
	}
	return path + b.Suffix("q", b.Query)
}

// Suffix is a query with one parameter, or nothing if that is empty.
func (b mailBox) Suffix(key, value string) string {
	if value == "" {
		return ""
	}
	return "?" + key + "=" + url.QueryEscape(value)
}

// Message is the address of a message beside this list.
func (b mailBox) Message(id string) string {
	q := url.Values{}
	for key, value := range map[string]string{"user": b.User, "folder": b.Folder, "q": b.Query} {
		if value != "" {
			q.Set(key, value)
		}
	}
	path := "/m/" + id
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return path
}

// boxOf reads from the address of a view which list it has: /mail/USER/FOLDER?q=…, or /m/ID?user=…&folder=…&q=….
func boxOf(u *url.URL) mailBox {
	q := u.Query()
	b := mailBox{User: q.Get("user"), Folder: q.Get("folder"), Query: q.Get("q")}
	b.Before, _ = strconv.ParseUint(q.Get("before"), 10, 63)
	if rest, ok := strings.CutPrefix(u.EscapedPath(), "/mail/"); ok {
		user, folder, _ := strings.Cut(rest, "/")
		b.User, _ = url.PathUnescape(user)
		b.Folder, _ = url.PathUnescape(folder)
	}
	return b
}

// mailView is accounts, a list and, beside it, a message.
type mailView struct {
	Accounts []mailroom.Account
	Folders  []mailroom.Folder // of the chosen account
	Box      mailBox
	Rows     []*mailRow
	Before   uint64
	Chosen   string // id of the message beside the list
	Message  *oneMessage
	To       string // to whom a test message goes
}

// mailQuery parses a search among messages.
func (p *Page) mailQuery(b mailBox) (q mailroom.Query, err error) {
	q = mailroom.Query{User: b.User, Before: b.Before, Limit: perPage}
	if b.Folder != "" {
		q.Match = append(q.Match, wait.Matcher{Key: "folder", Value: b.Folder})
	}
	for _, t := range terms(b.Query) {
		match, err := p.Rig.ParseMatch(cmp.Or(t.key, "text") + ":" + t.value)
		if err != nil {
			return q, fmt.Errorf("%w. A search can say from:, to:, subject:, body:, folder:, or any text", err)
		}
		for i := range match {
			match[i].Not = t.not
		}
		q.Match = append(q.Match, match...)
	}
	return q, nil
}

// mail shows the list of messages.
func (p *Page) mail(w http.ResponseWriter, r *http.Request) { p.mailWith(w, r, nil) }

// mailWith shows the list of messages with one of them beside it.
func (p *Page) mailWith(w http.ResponseWriter, r *http.Request, m *oneMessage) {
	ctx := r.Context()
	b := boxOf(r.URL)
	v := &mailView{Box: b, Message: m}
	s := &shell{View: "mail", Title: "Mail", Search: "Search mail", Query: b.Query, Live: b.Before == 0}
	s.Action = mailBox{User: b.User, Folder: b.Folder}.Path()
	if m != nil {
		v.Chosen, s.Title = m.ID, cmp.Or(m.Mail.Subject, "(no subject)")
	}
	accounts, _, err := p.Rig.Mailroom().Accounts(ctx, "", mostAccounts)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	v.Accounts = accounts
	user, _ := p.Rig.Credentials()
	v.To = cmp.Or(b.User, user)
	if b.User != "" {
		folders, ok, err := p.Rig.Mailroom().Folders(ctx, b.User)
		switch {
		case err != nil:
			p.fail(w, r, err)
			return
		case !ok:
			p.fail(w, r, errMissing(fmt.Sprintf("There is no account %s yet. It begins with its first login, or with the first message to it.", b.User)))
			return
		}
		v.Folders = folders
	}
	q, err := p.mailQuery(b)
	if err != nil {
		s.Trouble = err.Error()
	} else {
		page, err := p.Rig.Mailroom().List(ctx, q)
		if err != nil {
			p.fail(w, r, err)
			return
		}
		v.Before = page.Before
		for i := range page.Messages {
			v.Rows = append(v.Rows, p.mailRow(&page.Messages[i], "", v.Box, v.Chosen, !httpapi.OnlyReads(r)))
		}
	}
	p.show(w, r, s, "mail", v)
}

func (p *Page) mailRow(m *wait.Mail, into string, b mailBox, chosen string, mayChange bool) *mailRow {
	row := newMailRow(m, into)
	row.Path, row.Chosen, row.MayChange = b.Message(m.ID), m.ID == chosen, mayChange
	return row
}

// mailFeed follows a list of messages.
type mailFeed struct {
	page      *Page
	at        *position
	box       mailBox
	fits      func(context.Context, *wait.Mail) (bool, error)
	mayChange bool
}

func (p *Page) followMail(u *url.URL, at *position, mayChange bool) (*mailFeed, error) {
	f := &mailFeed{page: p, at: at, box: boxOf(u), mayChange: mayChange}
	q, err := p.mailQuery(f.box)
	if err != nil {
		return nil, errMissing(err.Error())
	}
	f.fits = p.Rig.MailTest(f.box.User, q.Match)
	return f, nil
}

// news implements feed.
func (f *mailFeed) news(ctx context.Context, b *strings.Builder) (stale bool, err error) {
	list, next, err := f.page.Rig.Mailroom().Newest(ctx, f.at.arrived, mostFrame+1)
	if err != nil || len(list) > mostFrame {
		f.at.arrived = next
		return err == nil, err
	}
	f.at.arrived = next
	for i := range list {
		ok, err := f.fits(ctx, &list[i])
		if err != nil && !errors.Is(err, store.ErrGone) {
			return false, err
		}
		if ok {
			if err := fragment(b, "mail-row", f.page.mailRow(&list[i], "rows", f.box, "", f.mayChange)); err != nil {
				return false, err
			}
		}
	}
	return false, nil
}

// samples are the kinds of test messages.
var samples = map[string]func(d *letter.Draft){
	"plain": func(d *letter.Draft) { d.Text = "This is a test message from mailrig's page.\n" },
	"code": func(d *letter.Draft) {
		d.Subject, d.Text = "Your code is 482913", "Your code is 482913. Or go to https://shop.example.test/confirm?user=1\n"
	},
	"html": func(d *letter.Draft) {
		d.Text = "This is a test message from mailrig's page.\n"
		d.HTML = `<h1>Hello</h1><p>This is a <b>test message</b> from mailrig's page, with <a href="https://shop.example.test/">a link</a>` +
			` and an image that isn't loaded: <img src="https://tracker.example.test/pixel.png" alt="a picture"></p>`
	},
	"attachment": func(d *letter.Draft) {
		d.Text = "This is a test message with an attachment.\n"
		d.Attachments = []letter.Attached{{Name: "hello.txt", Type: "text/plain", Content: []byte("Hello\n")}}
	},
}

// sendMail delivers a test message: to=ADDRESS&kind=plain.
func (p *Page) sendMail(w http.ResponseWriter, r *http.Request) {
	fill, ok := samples[r.PostFormValue("kind")]
	if !ok {
		fill = samples["plain"]
	}
	d := letter.Draft{From: "mailrig <mailrig@example.test>", To: []string{r.PostFormValue("to")}, Subject: "A test message"}
	d.Headers = map[string]string{"Message-ID": "<" + newRun() + "@mailrig.example.test>"}
	fill(&d)
	raw, sender, recipients, err := letter.Compose(d, time.Now())
	if err != nil {
		p.fail(w, r, &httpapi.BadScenario{Errors: []string{err.Error()}})
		return
	}
	if _, err := p.Rig.Mailroom().Deliver(r.Context(), sender, recipients, raw); err != nil {
		p.fail(w, r, err)
		return
	}
	p.back(w, r, "/mail")
}

// deleteMail deletes messages: id=ID, several times, or all=USER.
func (p *Page) deleteMail(w http.ResponseWriter, r *http.Request) {
	var err error
	if user := r.PostForm.Get("all"); user != "" {
		_, err = p.Rig.Mailroom().DeleteMatching(r.Context(), mailroom.Query{User: user})
	} else {
		ids := r.PostForm["id"]
		_, err = p.Rig.Mailroom().Delete(r.Context(), ids[:min(len(ids), 1000)]...)
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.back(w, r, "/mail")
}
