package issuer

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/identity"
)

// bench is an issuer with a clock that stands still, and what it has recorded.
type bench struct {
	*Issuer
	t     *testing.T
	clock time.Time
	wants Conditions
	saw   []event.TokenRequest
	by    []string
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, clock: time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)}
	b.Issuer = New(Config{
		Anyone:     true,
		SignIn:     func(_ context.Context, user, _ string) (string, bool) { return user, user != "" && user != "nobody" },
		Conditions: func(context.Context, string) Conditions { return b.wants },
		Record: func(_ *http.Request, e event.TokenRequest, by string) {
			b.saw, b.by = append(b.saw, e), append(b.by, by)
		},
		Host: func(name string) bool { return name == "mail.corp" }, Protocols: []string{"smtp", "imap", "pop3"}, MailHosts: []string{"mail.example.test"},
		Now: func() time.Time { return b.clock },
	})
	return b
}

func (b *bench) do(method, target string, form url.Values, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, "http://localhost:8025"+target, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w
}

// post sends pairs as a form and reads the JSON of the answer.
func (b *bench) post(target string, pairs ...string) (int, map[string]any) {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	w := b.do("POST", target, form)
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil && w.Body.Len() > 0 {
		b.t.Fatalf("%s: %v in %s", target, err, w.Body)
	}
	return w.Code, answer
}

// code gets an authorization code without a page.
func (b *bench) code(path string, pairs ...string) string {
	b.t.Helper()
	q := url.Values{"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {"app.test:/back"}, "login_hint": {"alice@example.test"}, "prompt": {"none"}}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	w := b.do("GET", path+"?"+q.Encode(), nil)
	back, err := url.Parse(w.Header().Get("Location"))
	if w.Code != http.StatusFound || err != nil || back.Query().Get("code") == "" {
		b.t.Fatalf("%d %v: %s", w.Code, w.Header(), w.Body)
	}
	return back.Query().Get("code")
}

// tokens exchanges a code at a token endpoint.
func (b *bench) tokens(authorize, token string, pairs ...string) map[string]any {
	b.t.Helper()
	status, answer := b.post(token, "grant_type", "authorization_code", "client_id", "app", "redirect_uri", "app.test:/back", "code", b.code(authorize, pairs...))
	if status != http.StatusOK {
		b.t.Fatalf("%d %v", status, answer)
	}
	return answer
}

func TestWhereACodeMayGo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for raw, ok := range map[string]bool{
		"http://localhost:4711/cb": true, "http://127.0.0.1/": true, "http://[::1]:1/": true, "https://127.0.0.1": true, "http://LOCALHOST": true,
		"https://app.example.test/cb": true, "http://app.localhost": true, "https://x.invalid": true, "https://mail.corp/cb": true,
		"net.thunderbird://oauth2/callback": true, "eu.faircode.email:/": true, "msauth://org.example/abc": true, outOfBand: true,
		"": false, "/relative": false, "//localhost/x": false, "https://evil.com/": false, "http://localhost.evil.com": false, "http://evil.com#localhost": false,
		"https://localhost@evil.com/": false, "https://alice@localhost/": false, "http://localhost/#x": false, "javascript:alert(1)": false, "JavaScript:alert(1)": false,
		"data:text/html,x": false, "file:///etc/passwd": false, "https://corp/": false, "http://10.0.0.1/": false, "https://": false, "http://[::1": false,
		"http://localhost/" + strings.Repeat("x", 2000): false,
	} {
		if err := b.mayRedirect(raw); (err == nil) != ok {
			t.Errorf("%q: %v", raw, err)
		}
		q := url.Values{"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {raw}, "prompt": {"none"}, "login_hint": {"a@b.test"}}
		w := b.do("GET", "/oauth2/authorize?"+q.Encode(), nil)
		if !ok && (w.Code != http.StatusBadRequest || w.Header().Get("Location") != "") {
			t.Errorf("%q: status %d, Location %q", raw, w.Code, w.Header().Get("Location"))
		}
	}
}

// TestRotation checks what each provider does to a refresh token, and that a scenario decides otherwise.
func TestRotation(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, authorize, token string
		scenario               Rotation
		renews, oldStays       bool
	}{
		{"mailrig", "/oauth2/authorize", "/oauth2/token", "", true, false},
		{"google", "/o/oauth2/v2/auth", "/token", "", false, true},
		{"microsoft", "/common/oauth2/v2.0/authorize", "/common/oauth2/v2.0/token", "", true, true},
		{"google, strict", "/o/oauth2/auth", "/oauth2/v3/token", RotateStrict, true, false},
		{"mailrig, none", "/oauth2/authorize", "/oauth2/token", RotateNever, false, true},
	} {
		b := newBench(t)
		b.wants = Conditions{Rotation: tc.scenario, By: "some-scenario"}
		first := b.tokens(tc.authorize, tc.token, "scope", "imap offline_access")
		refresh := []string{"grant_type", "refresh_token", "client_id", "app", "refresh_token", first["refresh_token"].(string)}
		_, second := b.post(tc.token, refresh...)
		renewed, renews := second["refresh_token"]
		if renews != tc.renews || renews && renewed == first["refresh_token"] {
			t.Errorf("%s: a refresh gives %v", tc.name, second)
		}
		b.clock = b.clock.Add(time.Minute)
		status, third := b.post(tc.token, refresh...)
		if (status == http.StatusOK) != tc.oldStays || !tc.oldStays && third["error"] != "invalid_grant" {
			t.Errorf("%s: the old refresh token: %d %v", tc.name, status, third)
		}
		last := b.saw[len(b.saw)-1]
		if tc.renews && (last.Replaced != time.Minute || last.NextUsed) {
			t.Errorf("%s: recorded %+v", tc.name, last)
		}
		if !tc.oldStays {
			if status, _ := b.post(tc.token, "grant_type", "refresh_token", "client_id", "app", "refresh_token", renewed.(string)); status == http.StatusOK {
				t.Errorf("%s: the grant lives on after a replaced token came", tc.name)
			}
		}
	}
}

// TestFates checks what scenarios do to a refresh token that is right, in the words of each provider.
func TestFates(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		fate   Fate
		path   string
		status int
		code   string
		says   string
	}{
		{FateSignIn, "/oauth2/token", 400, "invalid_grant", "sign in again"},
		{FateSignIn, "/token", 400, "invalid_grant", "Token has been expired or revoked."},
		{FateSignIn, "/common/oauth2/v2.0/token", 400, "invalid_grant", "AADSTS50173: "},
		{FateMFA, "/common/oauth2/v2.0/token", 400, "interaction_required", "AADSTS50076: "},
		{FateFailing, "/oauth2/token", 503, "temporarily_unavailable", "later"},
	} {
		b := newBench(t)
		first := b.tokens("/oauth2/authorize", "/oauth2/token")
		b.wants = Conditions{Refresh: tc.fate, By: "some-scenario"}
		status, answer := b.post(tc.path, "grant_type", "refresh_token", "client_id", "app", "refresh_token", first["refresh_token"].(string))
		text, _ := answer["error_description"].(string)
		if status != tc.status || answer["error"] != tc.code || !strings.Contains(text, tc.says) {
			t.Errorf("%s at %s: %d %v", tc.fate, tc.path, status, answer)
		}
		if by := b.by[len(b.by)-1]; by != "some-scenario" {
			t.Errorf("%s is recorded as made by %q", tc.fate, by)
		}
	}
}

// TestLifetime checks that expires_in is never 0, and that a token ends when it should.
func TestLifetime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for lifetime, told := range map[time.Duration]float64{time.Second: 1, 5 * time.Second: 5, 300 * time.Millisecond: 1, 1500 * time.Millisecond: 2, time.Hour: 3600} {
		b.wants = Conditions{Lifetime: lifetime}
		answer := b.tokens("/oauth2/authorize", "/oauth2/token")
		if answer["expires_in"] != told {
			t.Errorf("a token for %v: expires_in is %v", lifetime, answer["expires_in"])
		}
		state := func() identity.TokenState {
			token, err := b.Examine(t.Context(), answer["access_token"].(string), "imap")
			if err != nil {
				t.Fatal(err)
			}
			return token.State
		}
		b.clock = b.clock.Add(lifetime - 1)
		before := state()
		b.clock = b.clock.Add(1)
		if after := state(); before != identity.TokenValid || after != identity.TokenExpired {
			t.Errorf("a token for %v is %s, and then %s", lifetime, before, after)
		}
	}
	b.wants = Conditions{Skew: 10 * time.Minute, Audience: "https://graph.example.test"}
	answer := b.tokens("/oauth2/authorize", "/oauth2/token")
	if token, _ := b.Examine(t.Context(), answer["access_token"].(string), "imap"); token.State != identity.TokenWrongAudience || token.Known.Ends != 50*time.Minute {
		t.Errorf("with another audience and a clock that is off: %+v, %+v", token, token.Known)
	}
}

func TestDeviceGrant(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	start := func(path string) map[string]any {
		status, answer := b.post(path, "client_id", "tv", "scope", "imap offline_access")
		if status != http.StatusOK {
			t.Fatalf("%d %v", status, answer)
		}
		return answer
	}
	poll := func(d map[string]any) (int, any) {
		status, answer := b.post("/oauth2/token", "grant_type", "urn:ietf:params:oauth:grant-type:device_code", "client_id", "tv", "device_code", d["device_code"].(string))
		return status, answer["error"]
	}
	d := start("/oauth2/device")
	for _, want := range []string{"authorization_pending", "slow_down"} {
		if _, code := poll(d); code != want {
			t.Errorf("%v, want %s", code, want)
		}
	}
	user := strings.ToLower(strings.ReplaceAll(d["user_code"].(string), "-", " ")) // as people type it
	if w := b.do("GET", "/oauth2/verify?user_code="+url.QueryEscape(user), nil); !strings.Contains(w.Body.String(), "tv</strong> wants") {
		t.Errorf("%s", w.Body)
	}
	b.do("POST", "/oauth2/verify", url.Values{"user_code": {user}, "user": {"alice@example.test"}, "decision": {"allow"}})
	b.clock = b.clock.Add(time.Minute)
	if status, code := poll(d); status != http.StatusOK {
		t.Errorf("allowed: %d %v", status, code)
	}
	if _, code := poll(d); code != "expired_token" {
		t.Errorf("again: %v", code)
	}
	denied := start("/device/code")
	b.do("POST", "/oauth2/verify", url.Values{"user_code": {denied["user_code"].(string)}, "user": {"alice@example.test"}, "decision": {"deny"}})
	if _, code := poll(denied); code != "access_denied" {
		t.Errorf("denied: %v", code)
	}
	late := start("/common/oauth2/v2.0/devicecode")
	b.clock = b.clock.Add(time.Hour)
	if _, code := poll(late); code != "expired_token" {
		t.Errorf("late: %v", code)
	}
}

// TestClients checks registration, a wrong secret, introspection and the grants without a user at the page.
func TestClients(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	w := httptest.NewRecorder()
	b.ServeHTTP(w, httptest.NewRequest("POST", "/oauth2/register", strings.NewReader(`{"client_name":"x","redirect_uris":["http://127.0.0.1/cb"]}`)))
	var c map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &c); err != nil || w.Code != http.StatusCreated {
		t.Fatal(w.Code, w.Body)
	}
	id, key := c["client_id"].(string), c["client_secret"].(string)
	if status, answer := b.post("/oauth2/token", "grant_type", "client_credentials", "client_id", id, "client_secret", "wrong"); status != 401 || answer["error"] != "invalid_client" {
		t.Errorf("a wrong secret: %d %v", status, answer)
	}
	status, answer := b.post("/oauth2/token", "grant_type", "client_credentials", "client_id", id, "client_secret", key, "scope", "imap")
	if status != 200 || answer["refresh_token"] != nil {
		t.Fatalf("the right secret: %d %v", status, answer)
	}
	token := answer["access_token"].(string)
	if _, is := b.post("/oauth2/introspect", "token", token, "client_id", id, "client_secret", key); is["active"] != true || is["client_id"] != id {
		t.Errorf("introspection: %v", is)
	}
	b.do("POST", "/oauth2/revoke", url.Values{"token": {token}})
	if _, is := b.post("/oauth2/introspect", "token", token); is["active"] != false {
		t.Errorf("introspection of a revoked token: %v", is)
	}
	for _, redirect := range []string{"http://127.0.0.1:999/cb", "http://127.0.0.1/other"} {
		q := url.Values{"response_type": {"code"}, "client_id": {id}, "redirect_uri": {redirect}}
		if w := b.do("GET", "/oauth2/authorize?"+q.Encode(), nil); (w.Code == 200) != strings.HasSuffix(redirect, "/cb") {
			t.Errorf("%s: %d", redirect, w.Code)
		}
	}
	if status, answer := b.post("/oauth2/token", "grant_type", "password", "username", "alice@example.test", "password", "x", "client_id", "app"); status != 200 {
		t.Errorf("the password grant: %d %v", status, answer)
	}
	jwt := func(claims string) string { return "e30." + b64([]byte(claims)) + ".c2ln" }
	good := `{"iss":"robot","sub":"alice@example.test","scope":"https://mail.google.com/","exp":` + "4102444800}"
	for claims, want := range map[string]int{good: 200, strings.Replace(good, "4102444800", "5", 1): 400, `{"iss":"robot"}`: 400, "no JSON": 400} {
		if status, answer := b.post("/token", "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion", jwt(claims)); status != want {
			t.Errorf("the assertion %s: %d %v", claims, status, answer)
		}
	}
	info := b.do("GET", "/v1/userinfo", nil, "Authorization", "Bearer nonsense")
	if info.Code != 401 || info.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("userinfo with nonsense: %d", info.Code)
	}
}

// TestPages checks the sign-in page: what it does with scenarios, and that nothing that a client sends is taken for HTML.
func TestPages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	q := url.Values{"response_type": {"code"}, "client_id": {`"><script>alert(1)</script>`}, "redirect_uri": {"net.thunderbird://back"}, "scope": {"<b>imap</b>"},
		"login_hint": {`"><img src=x>`}, "state": {"<s>"}}
	w := b.do("GET", "/oauth2/authorize?"+q.Encode(), nil)
	if page := w.Body.String(); w.Code != 200 || strings.Contains(page, "<script>alert") || strings.Contains(page, "<img") || strings.Contains(page, "<b>imap") {
		t.Errorf("%s", page)
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.HasSuffix(policy, "form-action 'self' net.thunderbird:") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "script") {
		t.Errorf("policy %q", policy)
	}
	sign := func(more ...string) *httptest.ResponseRecorder {
		form := url.Values{"request": {"response_type=code&client_id=app&redirect_uri=http://localhost:1/cb&state=s"}, "provider": {"microsoft"}, "tenant": {"common"}, "user": {"alice@example.test"}}
		for i := 0; i < len(more); i += 2 {
			form.Set(more[i], more[i+1])
		}
		return b.do("POST", "/oauth2/sign-in", form)
	}
	if w := sign(); !strings.Contains(w.Header().Get("Location"), "iss=http%3A%2F%2Flocalhost%3A8025%2Fcommon%2Fv2.0") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := sign("user", "nobody"); w.Code != 200 || !strings.Contains(w.Body.String(), "is wrong") {
		t.Errorf("a wrong name: %d %s", w.Code, w.Body)
	}
	b.wants = Conditions{SignIn: SignInMFA, By: "m"}
	if w := sign(); w.Code != 200 || !strings.Contains(w.Body.String(), `name="otp"`) {
		t.Errorf("without the one-time code: %d", w.Code)
	}
	if w := sign("otp", "123456"); w.Code != http.StatusFound {
		t.Errorf("with the one-time code: %d", w.Code)
	}
	b.wants = Conditions{SignIn: SignInDeny, By: "d"}
	if w := sign(); !strings.Contains(w.Header().Get("Location"), "error=access_denied") || b.by[len(b.by)-1] != "d" {
		t.Errorf("denied: %v", w.Header())
	}
	b.wants = Conditions{}
	w = sign("request", "response_type=code&client_id=app&redirect_uri=http://localhost:1/cb&response_mode=form_post&state=s")
	if page := w.Body.String(); !strings.Contains(page, `action="http://localhost:1/cb"`) || !strings.Contains(page, `name="code"`) ||
		!strings.Contains(w.Header().Get("Content-Security-Policy"), "script-src 'sha256-") || strings.Contains(w.Header().Get("Content-Security-Policy"), "unsafe") {
		t.Errorf("form_post: %v\n%s", w.Header(), page)
	}
	w = sign("request", "response_type=code&client_id=app&redirect_uri="+outOfBand)
	if !regexp.MustCompile(`<output id="code">mailrig-ac-[\w-]+</output>`).MatchString(w.Body.String()) {
		t.Errorf("out of band: %s", w.Body)
	}
	w = sign("request", "response_type=token&client_id=app&redirect_uri=http://localhost:1/cb")
	if !strings.Contains(w.Header().Get("Location"), "error=unsupported_response_type") {
		t.Errorf("the implicit grant: %v", w.Header())
	}
}

// TestKeepsLittle floods the issuer with everything that it keeps.
func TestKeepsLittle(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	long := strings.Repeat("s", maxText)
	for range maxDevices + 50 {
		b.post("/oauth2/device", "client_id", "tv", "scope", long)
		b.code("/oauth2/authorize", "scope", long, "nonce", long)
	}
	for range maxTokens + 50 {
		b.mu.Lock()
		b.accessToken(b.newGrant(grant{provider: own}), long, b.clock)
		b.mu.Unlock()
	}
	if n := len(b.state.devices.items); n != maxDevices {
		t.Errorf("%d devices are kept", n)
	}
	if n := len(b.state.codes.items); n != maxCodes {
		t.Errorf("%d codes are kept", n)
	}
	if n := len(b.state.tokens.items); n != maxTokens {
		t.Errorf("%d tokens are kept", n)
	}
	for name, form := range map[string]url.Values{
		"a long scope":  {"grant_type": {"client_credentials"}, "client_id": {"x"}, "client_secret": {"y"}, "scope": {long + "s"}},
		"a long client": {"grant_type": {"client_credentials"}, "client_id": {long + "s"}, "client_secret": {"y"}},
		"a long body":   {"grant_type": {"refresh_token"}, "refresh_token": {strings.Repeat("x", maxForm)}},
	} {
		if w := b.do("POST", "/oauth2/token", form); w.Code/100 != 4 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if w := b.do("GET", "/oauth2/authorize?"+strings.Repeat("x", maxForm+1), nil); w.Code != http.StatusRequestURITooLong {
		t.Errorf("a long query: %d", w.Code)
	}
}

// TestKeepsWithinItsRoom checks that the oldest are forgotten if there is no more memory, and that what they took is given back.
func TestKeepsWithinItsRoom(t *testing.T) {
	t.Parallel()
	all := budget.New(1 << 20)
	room := all.Share(64 << 10)
	s := newRemembered(room)
	for n := range 1000 {
		g := &grant{client: "app", user: "alice@example.test", scope: strings.Repeat("s", n%maxText)}
		s.tokens.put(fmt.Sprint("token", n), &token{grant: g})
		s.codes.put(fmt.Sprint("code", n), &code{grant: g})
		s.devices.put(fmt.Sprint("device", n), &device{scope: g.scope})
	}
	if n := room.Used(); n > 64<<10+3*4096 { // one of each is kept in any case
		t.Errorf("%d bytes are kept", n)
	}
	if _, ok := s.tokens.get("token999"); !ok {
		t.Error("the latest token is forgotten")
	}
	if _, ok := s.tokens.get("token0"); ok {
		t.Error("the oldest token is kept")
	}
	for len(s.tokens.order) > 0 {
		s.tokens.drop()
	}
	for len(s.codes.order) > 0 {
		s.codes.drop()
	}
	for len(s.devices.order) > 0 {
		s.devices.drop()
	}
	if n := all.Used(); n != 0 {
		t.Errorf("%d bytes are never given back", n)
	}
}

// TestKeepsNoRequest checks that the texts that are kept don't keep the requests that they came with. It runs alone: it looks at the heap.
func TestKeepsNoRequest(t *testing.T) {
	b := newBench(t)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	padding := strings.Repeat("x", maxForm/2)
	for range maxCodes {
		b.code("/oauth2/authorize", "scope", "imap", "nonce", "n", "padding", padding)
		b.post("/oauth2/device", "client_id", "tv", "scope", "imap", "padding", padding)
		b.post("/oauth2/token", "grant_type", "client_credentials", "client_id", "app", "client_secret", "x", "scope", "imap", "padding", padding)
		b.saw = nil
	}
	if grown := int64(heap()) - int64(before); grown > 4<<20 {
		t.Errorf("%d KiB are kept", grown>>10)
	}
	runtime.KeepAlive(b)
}

// TestDiscovery checks that each document names endpoints that are there, and that its issuer is what tokens and callbacks say.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for path, issuer := range map[string]string{
		"/.well-known/openid-configuration":             "http://localhost:8025",
		"/.well-known/oauth-authorization-server":       "http://localhost:8025",
		"/common/v2.0/.well-known/openid-configuration": "http://localhost:8025/common/v2.0",
	} {
		var doc map[string]any
		if err := json.Unmarshal(b.do("GET", path, nil).Body.Bytes(), &doc); err != nil || doc["issuer"] != issuer {
			t.Fatalf("%s: %v %v", path, err, doc)
		}
		for name, value := range doc {
			at, ok := value.(string)
			if !ok || !strings.HasSuffix(name, "_endpoint") && name != "jwks_uri" {
				continue
			}
			at = strings.TrimPrefix(at, "http://localhost:8025")
			if w := b.do("GET", at, nil); w.Code == http.StatusNotFound {
				t.Errorf("%s: nothing is at %s", name, at)
			}
		}
	}
	answer := b.tokens("/common/oauth2/v2.0/authorize", "/common/oauth2/v2.0/token", "scope", "openid imap", "nonce", "n1")
	claims := claimsOf(answer["id_token"].(string))
	if claims["iss"] != "http://localhost:8025/common/v2.0" || claims["aud"] != "app" || claims["nonce"] != "n1" || claims["email"] != "alice@example.test" {
		t.Errorf("ID token %v", claims)
	}
}

func FuzzToken(f *testing.F) {
	f.Add("/oauth2/token", "grant_type=authorization_code&code=x")
	f.Add("/oauth2/sign-in", "request=response_type%3Dcode&tenant=/../x")
	f.Add("/oauth2/register", `{"redirect_uris":["x:"]}`)
	f.Add("/common/oauth2/v2.0/token", "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=a.e30.c")
	f.Fuzz(func(t *testing.T, path, body string) {
		i := New(Config{SignIn: func(_ context.Context, user, _ string) (string, bool) { return user, user != "" }})
		r := httptest.NewRequest("POST", "http://localhost/", strings.NewReader(body))
		r.URL.Path = path
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		i.ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s %q: %d", path, body, w.Code)
		}
	})
}
