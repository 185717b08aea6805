# Send with mutt or NeoMutt, whose name is the argument; or open INBOX, on a terminal.
at=$(printf %s "$ACCOUNT" | sed 's/@/%40/')
yes() { [ "$1" = "$2" ] && echo yes || echo no; }
cat >"$HOME/rc" <<END
set realname="Mutt" from="$SENDER" use_from=yes copy=no hostname="client.example.test" connect_timeout=5
set ssl_starttls=$(yes "$MODE" starttls) ssl_force_tls=$([ "$MODE" = clear ] && echo no || echo yes)
$([ "$TRUST" = ca ] && echo "set certificate_file=\"$CA\"" || echo "set certificate_file=\"$HOME/none\"")
$([ "$TLS" = old ] && echo 'set ssl_use_tlsv1=no ssl_use_tlsv1_1=yes ssl_use_tlsv1_2=no ssl_use_tlsv1_3=no')
$([ "$TLS" = cipher ] && echo 'set ssl_ciphers="NORMAL:-KX-ALL:+RSA:-VERS-TLS1.3"')
END
scheme=$PROTOCOL
[ "$PROTOCOL" = pop3 ] && scheme=pop
[ "$MODE" = tls ] && scheme=${scheme}s
if [ "$PROTOCOL" = smtp ]; then
	if [ "$LOGIN" = none ]; then
		echo "set smtp_url=\"$scheme://$HOST:$PORT/\"" >>"$HOME/rc"
	else
		printf 'set smtp_url="%s://%s@%s:%s/" smtp_pass="%s"\n' "$scheme" "$at" "$HOST" "$PORT" "$PASSWORD" >>"$HOME/rc"
		[ -n "$LOGIN" ] && echo "set smtp_authenticators=\"$LOGIN\"" >>"$HOME/rc"
	fi
	exec "$1" -n -F "$HOME/rc" -s hello -- bob@example.test <"$MESSAGE"
fi
cat >>"$HOME/rc" <<END
set imap_user="$ACCOUNT" imap_pass="$PASSWORD" pop_user="$ACCOUNT" pop_pass="$PASSWORD" folder="~" sleep_time=0 quit=yes delete=no wait_key=no header_cache="" record=""
$([ -n "$LOGIN" ] && echo "set imap_authenticators=\"$LOGIN\" pop_authenticators=\"$LOGIN\"")
push q
END
file=$scheme://$HOST:$PORT/
[ "$PROTOCOL" = imap ] && file=${file}INBOX
# script(1) gives it a terminal. Without a key to press it would wait for ever.
exec script -qec "stty cols 80 rows 24; $1 -n -F '$HOME/rc' -f '$file'" "$HOME/typescript" </dev/null
