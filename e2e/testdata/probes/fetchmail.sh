# Fetch a mailbox with fetchmail, printing the messages. Usage: fetchmail.sh pop3|imap [WORD...]
# Further words go into the poll line of its configuration, like keep or uidl.
home=$(mktemp -d) || exit 99
trap 'rm -rf "$home"' EXIT
protocol=$1
shift
port=$MAILRIG_PORT_995
[ "$protocol" = imap ] && port=$MAILRIG_PORT_993
umask 077
cat >"$home/rc" <<END
set no bouncemail
set pidfile "$home/pid"
set idfile "$home/ids"
poll localhost protocol $protocol port $port timeout 5 auth password $UIDL:
  user "$MAILRIG_USER" password "$MAILRIG_PASSWORD" ssl sslcertck sslcertfile "$MAILRIG_CA_FILE"
  mda "cat" $*
END
for i in $(seq "${TIMES:-1}"); do
	FETCHMAILHOME=$home HOME=$home fetchmail -f "$home/rc" --nodetach --nosyslog 2>&1
	status=$?
done
exit $status
