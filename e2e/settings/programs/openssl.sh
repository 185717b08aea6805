# Log in by hand with openssl s_client: it shakes hands, and types what a person would.
set -- openssl s_client -crlf -quiet -ign_eof
case $HOST in *:*) set -- "$@" -connect "[$HOST]:$PORT" ;; *) set -- "$@" -connect "$HOST:$PORT" ;; esac
case $HOST in
*:* | [0-9]*) [ "$TRUST" = any ] || set -- "$@" -verify_return_error -verify_ip "$HOST" ;;
*) set -- "$@" -servername "$HOST"; [ "$TRUST" = any ] || set -- "$@" -verify_return_error -verify_hostname "$HOST" ;;
esac
[ "$TRUST" = ca ] && set -- "$@" -CAfile "$CA"
[ "$MODE" = starttls ] && set -- "$@" -starttls "$PROTOCOL"
case $TLS in old) set -- "$@" -tls1_1 -cipher 'DEFAULT:@SECLEVEL=0' ;; cipher) set -- "$@" -tls1_2 -cipher AES128-SHA ;; esac
plain=$(printf '\000%s\000%s' "$ACCOUNT" "$PASSWORD" | base64 -w0)
say() { sleep 0.4; printf '%s\n' "$1"; }
type() {
	sleep 1
	case $PROTOCOL in
	smtp)
		say 'EHLO client.example.test'
		[ "$LOGIN" = none ] || say "AUTH PLAIN $plain"
		say "MAIL FROM:<$SENDER>"
		say 'RCPT TO:<bob@example.test>'
		say DATA
		say "$(cat "$MESSAGE")"
		say .
		say QUIT
		;;
	imap) say "a1 LOGIN $ACCOUNT $PASSWORD"; say 'a2 LOGOUT' ;;
	pop3) say "USER $ACCOUNT"; say "PASS $PASSWORD"; say QUIT ;;
	esac
	sleep 0.4
}
type | "$@"
