# Send with msmtp.
case $LOGIN in '') auth=plain ;; none) auth=off ;; *) auth=$(printf %s "$LOGIN" | tr A-Z a-z) ;; esac
cat >"$HOME/rc" <<END
account default
host $HOST
port $PORT
from $SENDER
domain client.example.test
timeout 5
tls $([ "$MODE" = clear ] && echo off || echo on)
tls_starttls $([ "$MODE" = starttls ] && echo on || echo off)
$(case $TRUST in ca) echo "tls_trust_file $CA" ;; none) echo "tls_trust_file system" ;; any) echo "tls_certcheck off" ;; esac)
$(case $TLS in old) echo "tls_priorities NORMAL:-VERS-ALL:+VERS-TLS1.1" ;; cipher) echo "tls_priorities NORMAL:-KX-ALL:+RSA:-VERS-TLS1.3" ;; esac)
auth $auth
$([ "$auth" = off ] || printf 'user %s\npassword %s' "$ACCOUNT" "$PASSWORD")
END
chmod 600 "$HOME/rc"
exec msmtp -C "$HOME/rc" bob@example.test <"$MESSAGE"
