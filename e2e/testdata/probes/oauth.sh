# Signs in with curl, by Google's paths, and logs in with the token. The file "answer" has what the issuer said last.
back() {
	curl -sS -o /dev/null -w '%{redirect_url}\n' "$MAILRIG_HTTP/o/oauth2/v2/auth?response_type=code&client_id=curl&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2F&scope=https%3A%2F%2Fmail.google.com%2F&prompt=none&login_hint=$MAILRIG_USER"
}
ask() {
	curl -sS -w '\nstatus %{http_code} after %{time_total} s\n' "$MAILRIG_HTTP/token" -d client_id=curl -d client_secret=x "$@" | tee answer
}
value() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" answer; }
sign_in() {
	code=$(back | sed -n 's/.*[?&]code=\([^&]*\).*/\1/p')
	ask -d grant_type=authorization_code -d "code=$code" -d redirect_uri=http://127.0.0.1:1/
	first=$(value refresh_token)
}
refresh() { ask -d grant_type=refresh_token -d "refresh_token=$first"; }
login() {
	curl -sSv --cacert "$MAILRIG_CA_FILE" -u "$MAILRIG_USER:" --oauth2-bearer "$(value access_token)" "imaps://localhost:$MAILRIG_PORT_993/"
}
