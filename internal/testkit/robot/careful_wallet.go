package robot

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// early is how long before its end the robot refreshes a token.
const early = 30 * time.Second

// tokenFor returns a good access token. If a server has refused the one before, the robot refreshes it, whatever its own clock says.
func (r *robot) tokenFor(refused bool) (string, error) {
	w := &r.wallet
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.err != nil:
		return "", w.err
	case w.access == "":
		w.err = r.signIn(w)
	}
	if w.err == nil && (refused || time.Until(w.ends) < early) {
		w.err = r.renew(w)
	}
	return w.access, w.err
}

// renew refreshes the access token. If only the user can help, it asks the user.
func (r *robot) renew(w *wallet) error {
	pause := r.Patience.Pause
	for range roundsLater {
		status, code, err := r.obtain(w, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {w.refresh}})
		switch {
		case err == nil && code == "" && status == http.StatusOK:
			return nil
		case code == "invalid_grant", code == "interaction_required":
			w.refresh = ""
			return r.signIn(w)
		case !r.sleep(pause):
			return fail(lost, "no time left")
		}
		pause *= 2
	}
	if time.Now().Before(w.ends) {
		return nil // what it has will do for now
	}
	return fail(never, "the issuer has trouble") // for this robot: it has waited
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// signIn shows the user the page, and exchanges the code. The user fills in whatever the page asks for.
func (r *robot) signIn(w *wallet) error {
	verifier := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	link := r.authorize(url.Values{"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}})
	back, err := r.visit(link)
	if err != nil {
		return err
	}
	if back.Get("code") == "" {
		return fail(never, "the sign-in was refused: %s", back.Get("error"))
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {back.Get("code")}, "redirect_uri": {redirect}, "code_verifier": {verifier}}
	pause := r.Patience.Pause
	for range roundsLater {
		status, code, err := r.obtain(w, form)
		if err == nil && code == "" && status == http.StatusOK {
			return nil
		}
		if err == nil && status < http.StatusInternalServerError || !r.sleep(pause) {
			return fail(never, "no token: %s", code)
		}
		pause *= 2
	}
	return fail(never, "the issuer has trouble") // for this robot: it has waited
}

// visit opens a link to the sign-in page, fills in the form, and returns the query with which the browser comes back.
func (r *robot) visit(link string) (url.Values, error) {
	resp, err := r.browser().Get(link)
	if err != nil {
		return nil, fail(lost, "the issuer: %v", err)
	}
	page, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return query(resp), nil
	}
	form := url.Values{"user": {r.target.User}, "password": {r.target.Password}, "decision": {"allow"}}
	if strings.Contains(string(page), `name="otp"`) {
		form.Set("otp", "123456")
	}
	for _, m := range hiddenField.FindAllStringSubmatch(string(page), -1) {
		form.Add(m[1], strings.NewReplacer("&amp;", "&", "&#43;", "+").Replace(m[2]))
	}
	var back url.Values
	err = r.post("/oauth2/sign-in", form, func(resp *http.Response) { back = query(resp) })
	return back, err
}

// query returns the query of the address to which an answer sends the browser.
func query(resp *http.Response) url.Values {
	u, err := resp.Location()
	if err != nil {
		return nil
	}
	return u.Query()
}
