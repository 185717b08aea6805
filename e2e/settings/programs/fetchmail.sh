# Fetch with fetchmail.
check=$(case $TRUST in ca) echo "sslcertck sslcertfile \"$CA\"" ;; none) echo sslcertck ;; any) echo "no sslcertck" ;; esac)
proto=auto
[ "$TLS" = old ] && proto=TLS1.1
[ "$TLS" = cipher ] && export FETCHMAIL_SSL_CIPHERS=AES128-SHA proto=TLS1.2
case $MODE in clear) words='sslproto ""' ;; starttls) words="sslproto \"$proto\" $check" ;; tls) words="ssl sslproto \"$proto\" $check" ;; esac
auth=$(case $LOGIN in '') echo password ;; XOAUTH2) echo oauth ;; *) printf %s "$LOGIN" | tr A-Z a-z ;; esac)
cat >"$HOME/rc" <<END
set no bouncemail
set pidfile "$HOME/pid"
set idfile "$HOME/ids"
poll $HOST protocol $PROTOCOL port $PORT timeout 5 auth $auth:
  user "$ACCOUNT" password "$PASSWORD" $words keep fetchall mda "cat"
END
chmod 600 "$HOME/rc"
FETCHMAILHOME=$HOME exec fetchmail -f "$HOME/rc" --nodetach --nosyslog
