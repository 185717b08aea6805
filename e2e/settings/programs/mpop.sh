# Fetch with mpop.
case $LOGIN in '') auth=user ;; *) auth=$(printf %s "$LOGIN" | tr A-Z a-z) ;; esac
cat >"$HOME/rc" <<END
account default
host $HOST
port $PORT
timeout 5
keep on
delivery mbox $HOME/box
uidls_file $HOME/uidls
tls $([ "$MODE" = clear ] && echo off || echo on)
tls_starttls $([ "$MODE" = starttls ] && echo on || echo off)
$(case $TRUST in ca) echo "tls_trust_file $CA" ;; none) echo "tls_trust_file system" ;; any) echo "tls_certcheck off" ;; esac)
$(case $TLS in old) echo "tls_priorities NORMAL:-VERS-ALL:+VERS-TLS1.1" ;; cipher) echo "tls_priorities NORMAL:-KX-ALL:+RSA:-VERS-TLS1.3" ;; esac)
auth $auth
user $ACCOUNT
password $PASSWORD
END
chmod 600 "$HOME/rc"
exec mpop -C "$HOME/rc"
