package robot

import (
	"net/http"
	"net/url"
	"time"
)

const (
	// keepsFor is how long the careless robot keeps a token at most before it uses it, to see whether it minds that it has ended.
	keepsFor = 3 * time.Second
	// afterwards is later than two parts of a program refresh at the same time.
	afterwards = 2200 * time.Millisecond
)

// anyToken returns the access token that the careless robot has got once, however old it is.
func (r *robot) anyToken() string {
	w := &r.wallet
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asked {
		return w.access
	}
	w.asked = true
	r.asksUntilItGetsACode(w)
	r.refreshesAgainAndAgain(w)
	if w.given <= keepsFor {
		r.sleep(time.Until(w.ends.Add(100 * time.Millisecond)))
	}
	return w.access
}

// asksUntilItGetsACode signs in without a page and without PKCE.
func (r *robot) asksUntilItGetsACode(w *wallet) {
	for try := 0; try < hurriedTries && w.access == ""; try++ {
		resp, err := r.browser().Get(r.authorize(url.Values{"prompt": {"none"}}))
		if err != nil {
			continue
		}
		resp.Body.Close()
		code := query(resp).Get("code")
		for again := 0; again < hurriedTries && code != "" && w.access == ""; again++ {
			_, _, _ = r.obtain(w, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}})
		}
	}
}

// refreshesAgainAndAgain sends its first refresh token, whatever the issuer says of it.
func (r *robot) refreshesAgainAndAgain(w *wallet) {
	if w.refresh == "" || w.given >= time.Hour-time.Second {
		return
	}
	for try := range hurriedTries {
		status, _, _ := r.obtain(w, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {w.refresh}})
		if status == http.StatusOK && (try > 0 || !r.sleep(afterwards)) {
			return
		}
	}
}
