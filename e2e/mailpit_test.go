package e2e

import (
	"os/exec"
	"testing"
)

// TestCypressMailpit runs the commands of npm cypress-mailpit, unchanged. What it gets was recorded of Mailpit.
func TestCypressMailpit(t *testing.T) {
	t.Parallel()
	needNode(t, "cypress-mailpit")
	const want = `delete all: ok
all: [2,"Second one","Hello Mailpit"]
latest: true
one: Hello Mailpit
by subject: [1,"Second one"]
by address: [1,"Hello Mailpit"]
has subject: [1,"Hello Mailpit"]
has address: [1,"Second one"]
has search: [1,"Second one"]
has no subject: [0]
has no search: [0]
has no address: Timed out after 60ms waiting for condition
Subject: Second one
FromAddress: from@example.com
RecipientAddress: ["kate@example.com"]
Attachments: ["a.txt"]
MailHTMlBody: <p>two</p>
MailTextBody: two
spam: 404 File not found
unread: ok
read: ok
all unread: ok
all read: ok
delete some: ok
left: [1,"Hello Mailpit"]`
	r := start(t)
	if a := r.node("cypress.mjs", nil, r.HTTP).want(0).answer(); a.Text != want {
		t.Errorf("got\n%s\nwant\n%s", a.Text, want)
	}
}

// TestMailHogClient drives npm mailhog, unchanged. What it gets was recorded of MailHog.
func TestMailHogClient(t *testing.T) {
	t.Parallel()
	needNode(t, "mailhog", "nodemailer")
	const want = `delete all: 200
none: {"total":0,"count":0,"start":0,"items":[]}
all: [4,4,0,"Terms","Your code is 493021","Grüße_aus_Köln","Plain"]
some: [4,2,1,"Your code is 493021","Grüße_aus_Köln"]
to: [3,3,0,"Terms","Your code is 493021","Plain"]
to, unnamed: [1,1,0,"Grüße_aus_Köln"]
from: [1,1,0,"Your code is 493021"]
containing: [1,1,0,"Your code is 493021"]
bad kind: 400
latest to: ["Grüße_aus_Köln","Jürgen_Müller <juergen@example.com>","Иван <ivan@example.com>","eve@example.com","2026-03-03T10:11:12.000Z",true,"Straße, 100 %","",[]]
latest from: ["Your code is 493021","Login <login@example.com>","bob@example.com","","2026-03-03T10:11:12.000Z",true,"Your code is 493021.","<p>Your code is <b>493021</b>.</p>",[]]
latest containing: ["Terms","shop@example.com","bob@example.com","","2026-03-03T10:11:12.000Z",true,"See them.","",["terms.txt bm9uZQ=="]]
nobody: 0
release: 500
delete: [200,500,3]
words: ü=`
	r := start(t)
	if a := r.node("mailhog.mjs", nil, r.HTTP, r.port(25)).want(0).answer(); a.Text != want {
		t.Errorf("got\n%s\nwant\n%s", a.Text, want)
	}
}

// TestMailpitClient drives npm mailpit-api, unchanged, with all of its methods.
func TestMailpitClient(t *testing.T) {
	t.Parallel()
	needNode(t, "mailpit-api")
	const want = `wait: true
code: 493021
link: https://example.test/v?a=1&b=2
parts: p.gif,h.txt
headers: =?utf-8?q?Sh=C3=B6p?= <shop@example.test>
source: true
attachment: hello
thumbnail: image/jpeg
html: true
text: x
unread: 0
unread: 1
tags: Gamma
several: 2
checks: Mailpit API Error: 400 Bad Request,Mailpit API Error: 404 Not Found,Mailpit API Error: 400 Bad Request
chaos: 451 0%,451 0%,535 0%
chaos: 451 0%,550 100%,535 0%
chaos: Mailpit API Error: 400 Bad Request
chaos: 451 0%,451 0%,535 0%
release: Mailpit API Error: 400 Bad Request
configuration: true
left: not mine
info: 0
latest: Mailpit API Error: 404 Not Found
not called: request` // which the others use
	r := startWith(t, func(c *exec.Cmd) { c.Env = append(c.Env, "MP_ENABLE_CHAOS=1", "MP_SMTP_BIND_ADDR=127.0.0.1:0") }, "--mailpit")
	if a := r.node("mailpit.mjs", nil, r.HTTP).want(0).answer(); a.Text != want {
		t.Errorf("got\n%s\nwant\n%s", a.Text, want)
	}
}
