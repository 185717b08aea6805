package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	kepts "github.com/mailrig/mailrig/internal/store/kept"
	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// kept is a server that is started again and again on one directory.
type kept struct {
	testing.TB
	cfg server.Config
	*server.Server
}

// keeping starts a server that keeps what it has.
func keeping(t testing.TB, cfg server.Config) *kept {
	t.Helper()
	cfg.Data = t.TempDir()
	k := &kept{TB: t, cfg: cfg}
	t.Cleanup(k.stop)
	k.start()
	return k
}

func (k *kept) start() {
	k.Helper()
	k.cfg.PortOffset, k.cfg.HTTP = "random", "127.0.0.1:0"
	s, err := server.New(k.cfg)
	if err == nil {
		err = s.Start(context.Background())
	}
	if err != nil {
		k.Fatal(err)
	}
	k.Server = s
}

func (k *kept) stop() {
	k.Helper()
	if k.Server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	if err := k.Shutdown(ctx); err != nil {
		k.Error(err)
	}
	k.Server = nil
}

// restart ends the server and starts another one on its directory.
func (k *kept) restart() {
	k.Helper()
	k.stop()
	k.start()
}

func (k *kept) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

// scenario finds a scenario of the catalogue.
func scenario(t testing.TB, name string) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// active shows everything that is active.
func (k *kept) active() string {
	names, left := k.Next("")
	bobs, bobsLeft := k.Next("bob")
	return fmt.Sprint(k.Active(), k.ActiveByUser(), names, left, bobs, bobsLeft)
}

// TestActiveIsKept checks that what is active stays active, for everybody, for a user and for the next connections, and
// that --scenario wins.
func TestActiveIsKept(t *testing.T) {
	t.Parallel()
	k := keeping(t, server.Config{Scenarios: []*scenarios.Scenario{scenario(t, "port-25-refused")}})
	post(t, k.Server, 303, "/scenarios/keep", url.Values{"yaml": {ownScenario}})
	_, err := k.UseFor("Bob", scenario(t, "mailbox-full"))
	k.must(err)
	_, err = k.UseNext(3, "", scenario(t, "greylisting"))
	k.must(err)
	_, err = k.UseNext(2, "bob", scenario(t, "greylisting"))
	k.must(err)
	if c := dial(t, k.Server, 587); c.say("", "220 ") != nil {
		t.Error("no greeting")
	}
	const want = "[port-25-refused mine] map[bob@example.test:[mailbox-full]] [greylisting] 2 [greylisting] 2"
	if got := k.active(); got != want {
		t.Fatalf("active: %s, want %s", got, want)
	}
	k.cfg.Scenarios = nil
	k.restart()
	if got := k.active(); got != want {
		t.Errorf("after a restart: %s, want %s", got, want)
	}
	has(t, view(t, k.Server, 200, "/scenarios/mine"), "Mine &lt;b&gt;", "Switch off")
	has(t, view(t, k.Server, 200, "/"), `class="door refuse`)
	if list := k.Scenarios(); len(list) != 2 || list[0].Title == "" {
		t.Errorf("the table would show %v", list)
	}

	// An explicit list wins. What single users have stays.
	k.cfg.Scenarios = []*scenarios.Scenario{scenario(t, "greylisting")}
	k.restart()
	if got, want := k.active(), "[greylisting] map[bob@example.test:[mailbox-full]] [] 0 [greylisting] 2"; got != want {
		t.Errorf("with another scenario: %s, want %s", got, want)
	}
	has(t, view(t, k.Server, 200, "/scenarios"), "mine") // it is still in the list of one's own
	k.cfg.Scenarios = []*scenarios.Scenario{}
	k.restart()
	if got := k.Active(); len(got) > 0 {
		t.Errorf("with an empty list: %v", got)
	}
}

// TestChaosIsKept checks that what a client of Mailpit's API made fail by chance still fails.
func TestChaosIsKept(t *testing.T) {
	t.Parallel()
	k := keeping(t, server.Config{Mailpit: &server.Mailpit{SMTP: "127.0.0.1:0", Chaos: true}})
	_, want := newAPI(t, k.Server).do(200, "PUT", "/api/v1/chaos", "", `{"Sender":{"ErrorCode":421,"Probability":100},"Recipient":{"ErrorCode":550,"Probability":7}}`)
	k.restart()
	if _, got := newAPI(t, k.Server).do(200, "GET", "/api/v1/chaos", "", ""); got != want || !strings.Contains(got, "421") {
		t.Errorf("chaos: %v, want %v", got, want)
	}
	c := dial(t, k.Server, 25)
	for _, step := range [][2]string{{"", "220 "}, {"EHLO x", "250 "}, {"MAIL FROM:<a@b.test>", "421 "}} {
		if err := c.say(step[0], step[1]); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPendingIsKept checks that reports of failed delivery, and messages that are delivered later, come after a restart, once.
func TestPendingIsKept(t *testing.T) {
	t.Parallel()
	k := keeping(t, server.Config{Scenarios: []*scenarios.Scenario{parse(t, "later", `  - {match: {recipient: "gone@*"}, bounce: {after: 1s}}
  - {match: {recipient: "late@*"}, delivery: {after: 1s, copies: 2}}
`)}})
	c := dial(t, k.Server, 25)
	if err := talk(c, "", "220 ", "HELO x", "250 ", "MAIL FROM:<alice@example.test>", "250 ", "RCPT TO:<gone@example.test>", "250 ", "RCPT TO:<late@example.test>", "250 ",
		"DATA", "354 ", "Subject: x\r\n\r\nbody\r\n.", "250 "); err != nil {
		t.Fatal(err)
	}
	k.restart()
	for user, want := range map[string]int{"alice@example.test": 1, "late@example.test": 2} {
		waitFor(t, k.Server, server.Condition{What: server.Messages, Count: want, Match: []server.Matcher{{Key: "to", Value: user}}})
	}
	k.restart()
	for user, want := range map[string]int{"alice@example.test": 1, "late@example.test": 2, "gone@example.test": 1} {
		list, err := k.MailIn(t.Context(), user, "INBOX")
		if err != nil || len(list) != want {
			t.Errorf("%s has %d messages, want %d, %v", user, len(list), want, err)
		}
		for _, m := range list {
			if user == "late@example.test" && (m.From != "alice@example.test" || m.Session != "1" || len(m.Recipients) != 2) {
				t.Errorf("a late message came from %q by session %q to %q", m.From, m.Session, m.Recipients)
			}
		}
	}
}

func encoded(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestRecordsAreKept checks that sessions and findings are there after a restart, with their ids, and that ids go on.
func TestRecordsAreKept(t *testing.T) {
	t.Parallel()
	k := keeping(t, server.Config{})
	login := func() {
		t.Helper()
		c := dial(t, k.Server, 143)
		if err := talk(c, "", "* OK", "a LOGIN bob secret", "a OK", "b LOGOUT", "* BYE"); err != nil {
			t.Fatal(err)
		}
		waitFor(t, k.Server, server.Condition{What: server.Findings, IDs: []string{"password-sent-in-clear"}})
	}
	login()
	dialogue := func(id string) string {
		s, ok := k.Session(id)
		if !ok {
			t.Fatalf("there is no session %s", id)
		}
		return s.Dialogue()
	}
	before, found := dialogue("1"), k.Findings()
	k.restart()
	if after := dialogue("1"); after != before || !strings.Contains(before, "LOGIN bob ***") {
		t.Errorf("the session was\n%s\nand is\n%s", before, after)
	}
	if again := k.Findings(); len(again) == 0 || encoded(t, again) != encoded(t, found) {
		t.Errorf("the findings were\n%+v\nand are\n%+v", found, again)
	}
	if got := k.Conclude(); len(got) > 0 {
		t.Errorf("%d findings about this run, in which nothing has happened", len(got))
	}
	has(t, view(t, k.Server, 200, "/sessions/1"), "LOGIN bob ***")
	login()
	if list := k.Sessions(); len(list) != 2 || list[0].ID != "1" || list[1].ID != "2" {
		t.Errorf("%d sessions", len(list))
	}
	k.restart()
	if err := k.Reset(); err != nil {
		t.Fatal(err)
	}
	k.restart()
	if s, f := k.Sessions(), k.Findings(); len(s)+len(f) > 0 {
		t.Errorf("%d sessions and %d findings after a reset", len(s), len(f))
	}
	login()
	if s := k.Sessions(); s[0].ID != "3" {
		t.Errorf("the next session has the id %s", s[0].ID)
	}
}

// TestMailpitIsKept checks that which entries are read, and their tags, are the same after a restart, and that nothing is kept
// of an entry that is gone.
func TestMailpitIsKept(t *testing.T) {
	t.Parallel()
	k := keeping(t, server.Config{})
	for _, subject := range []string{"one", "two", "three"} {
		k.must(deliverBySMTP(t, k.Server, subject))
	}
	ids := func() map[string]string {
		var page struct {
			Messages []struct{ ID, Subject string }
		}
		_, body := newAPI(t, k.Server).do(200, "GET", "/api/v1/messages", "", "")
		k.must(json.Unmarshal([]byte(body), &page))
		all := map[string]string{}
		for _, m := range page.Messages {
			all[m.Subject] = m.ID
		}
		return all
	}
	list := func() string {
		_, body := newAPI(t, k.Server).do(200, "GET", "/api/v1/messages", "", "")
		return body
	}
	id := ids()
	a := newAPI(t, k.Server)
	a.do(200, "GET", "/api/v1/message/"+id["one"], "", "")
	a.do(200, "PUT", "/api/v1/messages", "", fmt.Sprintf(`{"IDs":[%q],"Read":true}`, id["three"]))
	a.do(200, "PUT", "/api/v1/tags", "", fmt.Sprintf(`{"IDs":[%q,"stranger"],"Tags":["Big","small"]}`, id["two"]))
	a.do(200, "PUT", "/api/v1/tags/small", "", `{"Name":"tiny"}`)
	before := list()
	for _, want := range []string{`"unread":1`, `"Tags":["Big","tiny"]`, `"tags":["Big","tiny"]`} {
		if !strings.Contains(before, want) {
			t.Fatalf("the list lacks %s: %s", want, before)
		}
	}
	k.restart()
	if after := list(); after != before {
		t.Errorf("the list was\n%s\nand is\n%s", before, after)
	}
	a = newAPI(t, k.Server)
	a.do(200, "DELETE", "/api/v1/messages", "", fmt.Sprintf(`{"IDs":[%q]}`, id["one"]))
	k.restart()
	if got := ids(); len(got) != 2 || got["two"] != id["two"] {
		t.Errorf("the ids were %v, and are %v", id, got)
	}
	newAPI(t, k.Server).do(200, "DELETE", "/api/v1/messages", "", "")
	list()
	k.stop()
	st, err := kepts.Open(k.cfg.Data, kepts.Options{})
	k.must(err)
	defer st.Close()
	for _, kind := range []string{"mailpit letter", "mailpit tags"} {
		if n, _, err := st.State().Count(t.Context(), kind); n != 0 || err != nil {
			t.Errorf("%d records of kind %s are left, %v", n, kind, err)
		}
	}
}

// deliverBySMTP sends a message to bob.
func deliverBySMTP(t testing.TB, s *server.Server, subject string) error {
	c := dial(t, s, 25)
	return talk(c, "", "220 ", "HELO x", "250 ", "MAIL FROM:<alice@example.test>", "250 ", "RCPT TO:<bob@example.test>", "250 ", "DATA", "354 ", "Subject: "+subject+"\r\n\r\nbody\r\n.", "250 ")
}

// TestTokensAreKept checks that tokens are worth after a restart what they were worth before, that the key is the same, and
// that registered clients are known.
func TestTokensAreKept(t *testing.T) {
	t.Parallel()
	k := keeping(t, server.Config{Scenarios: []*scenarios.Scenario{parse(t, "tokens", "\n  - oauth: accept\n")}})
	client := func() *oauth2.Config {
		return oauthClient(k.Server, "/oauth2/authorize", "/oauth2/token", "imap", "smtp", "pop")
	}
	signIn := func() *oauth2.Token {
		t.Helper()
		token, err := client().Exchange(t.Context(), browse(t, client().AuthCodeURL(""), "user", "alice").Get("code"))
		k.must(err)
		return token
	}
	refresh := func(token string) (*oauth2.Token, error) {
		return client().TokenSource(t.Context(), &oauth2.Token{RefreshToken: token}).Token()
	}
	ask := func(status int, path, kind, body string) string {
		t.Helper()
		method := http.MethodPost
		if kind == "" {
			method = http.MethodGet
		}
		r, err := http.NewRequestWithContext(t.Context(), method, k.HTTPURL()+path, strings.NewReader(body))
		k.must(err)
		r.Header.Set("Content-Type", kind)
		resp, err := http.DefaultClient.Do(r)
		k.must(err)
		if resp.StatusCode != status {
			t.Errorf("%s: %s, want %d", path, resp.Status, status)
		}
		return read(t, resp)
	}
	const form = "application/x-www-form-urlencoded"
	keys := func() string { return ask(200, "/oauth2/keys", "", "") }
	first, second := signIn(), signIn()
	replaced, err := refresh(second.RefreshToken)
	k.must(err)
	revoked := signIn()
	ask(200, "/oauth2/revoke", form, url.Values{"token": {revoked.RefreshToken}}.Encode())
	registered := ask(201, "/oauth2/register", "application/json", `{"client_name":"app","redirect_uris":["http://127.0.0.1/cb"]}`)
	var app struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	k.must(json.Unmarshal([]byte(registered), &app))
	before := keys()
	k.restart()
	if after := keys(); after != before {
		t.Errorf("the keys were %s, and are %s", before, after)
	}
	if got := loginWith(t, k.Server, "alice", first.AccessToken); got != "imap smtp pop" {
		t.Errorf("the access token is good for %q", got)
	}
	if got := loginWith(t, k.Server, "alice", revoked.AccessToken); got != "" {
		t.Errorf("a revoked one is good for %q", got)
	}
	if _, err := refresh(first.RefreshToken); err != nil {
		t.Errorf("refresh: %v", err)
	}
	if _, err := refresh(second.RefreshToken); err == nil {
		t.Error("a refresh token that was replaced before the restart is good")
	}
	if _, err := refresh(replaced.RefreshToken); err == nil {
		t.Error("its grant isn't revoked")
	}
	wrong := url.Values{"grant_type": {"client_credentials"}, "client_id": {app.ID}, "client_secret": {"wrong"}}
	ask(401, "/oauth2/token", form, wrong.Encode())
	wrong.Set("client_secret", app.Secret)
	ask(200, "/oauth2/token", form, wrong.Encode())
	k.restart()
	if _, err := refresh(replaced.RefreshToken); err == nil {
		t.Error("after another restart, its grant isn't revoked")
	}
}
