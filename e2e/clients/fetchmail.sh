# Fetch INBOX by POP3 and by IMAP with fetchmail. Usage: fetchmail.sh WORDS, for the poll line.
home=$(mktemp -d) || exit 99
trap 'rm -rf "$home"' EXIT
umask 077
cat >"$home/rc" <<END
set no bouncemail
set pidfile "$home/pid"
set idfile "$home/ids"
poll localhost protocol pop3 port $MAILRIG_PORT_110 timeout 5 auth password:
  user "$MAILRIG_USER" password "$MAILRIG_PASSWORD" $1 keep fetchall mda "cat"
poll localhost protocol imap port $MAILRIG_PORT_143 timeout 5 auth password:
  user "$MAILRIG_USER" password "$MAILRIG_PASSWORD" $1 keep fetchall mda "cat"
END
FETCHMAILHOME=$home HOME=$home fetchmail -f "$home/rc" --nodetach --nosyslog
