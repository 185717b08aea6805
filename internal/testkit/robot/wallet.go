package robot

import (
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// wallet is what a robot keeps of the tokens that it has got from the rig's issuer, by Google's paths.
type wallet struct {
	mu      sync.Mutex
	asked   bool
	access  string
	refresh string
	ends    time.Time
	given   time.Duration // how long the access token lasts, as the issuer told
	err     error         // why there won't be any
}

// redirect is where the robot says that it waits for the browser. It is the browser, too, so nobody listens there.
const redirect = "http://127.0.0.1:1/robot"

// authorize returns the link to the sign-in page.
func (r *robot) authorize(more url.Values) string {
	query := url.Values{
		"response_type": {"code"}, "client_id": {r.Name}, "redirect_uri": {redirect}, "scope": {"https://mail.google.com/"}, "login_hint": {r.target.User},
	}
	for name, value := range more {
		query[name] = value
	}
	return r.target.Issuer + "/o/oauth2/v2/auth?" + query.Encode()
}

// browser follows no redirects: they lead back to the robot.
func (r *robot) browser() *http.Client {
	return &http.Client{Timeout: r.Patience.Issuer, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// post sends a form, and closes what it doesn't read.
func (r *robot) post(path string, form url.Values, read func(*http.Response)) error {
	resp, err := r.browser().PostForm(r.target.Issuer+path, form)
	if err != nil {
		return fail(lost, "the issuer: %v", err)
	}
	defer resp.Body.Close()
	read(resp)
	return nil
}

// obtain asks the token endpoint. status and code say what is wrong if there is no token.
func (r *robot) obtain(w *wallet, form url.Values) (status int, code string, err error) {
	form.Set("client_id", r.Name)
	var answer struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Seconds int    `json:"expires_in"`
		Error   string `json:"error"`
	}
	err = r.post("/token", form, func(resp *http.Response) {
		status = resp.StatusCode
		_ = json.NewDecoder(resp.Body).Decode(&answer)
	})
	if err != nil || answer.Access == "" {
		return status, answer.Error, err
	}
	w.access, w.given = answer.Access, time.Duration(answer.Seconds)*time.Second
	w.ends = time.Now().Add(w.given)
	if answer.Refresh != "" && !(r.Careless && w.refresh != "") { // the careless robot keeps the first one
		w.refresh = answer.Refresh
	}
	return status, "", nil
}
