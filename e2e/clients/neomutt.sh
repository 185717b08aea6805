# Send a message, and read INBOX, with neomutt. Usage: neomutt.sh yes|no (ssl_force_tls)
home=$(mktemp -d) || exit 99
trap 'rm -rf "$home"' EXIT
port=$MAILRIG_PORT_587
[ "$1" = no ] && port=$MAILRIG_PORT_25
user=$(printf %s "$MAILRIG_USER" | sed 's/@/%40/')
cat >"$home/rc" <<END
set realname="Neo" from="alice@example.test" use_from=yes copy=no hostname="client.example.test"
set smtp_url="smtp://$user@localhost:$port/" smtp_pass="$MAILRIG_PASSWORD"
set ssl_starttls=yes ssl_force_tls=$1 certificate_file="$MAILRIG_CA_FILE" connect_timeout=5
set imap_user="$MAILRIG_USER" imap_pass="$MAILRIG_PASSWORD"
set folder="~" sleep_time=0 quit=yes delete=no wait_key=no header_cache="" record=""
macro index ,x "<pipe-message>cat >fetched<enter><quit>"
END
status=0
cd "$home" || exit 99
HOME=$home timeout 8 neomutt -n -F "$home/rc" -s "by neomutt" -- bob@example.test <"$MSG" || status=$?
echo 'push ,x' >>"$home/rc"
HOME=$home TERM=xterm timeout 8 script -qec "stty cols 80 rows 24; neomutt -n -F '$home/rc' -f 'imap://localhost:$MAILRIG_PORT_143/INBOX'" "$home/typescript" </dev/null >/dev/null || status=$?
[ -s "$home/fetched" ] || { echo "nothing was read"; [ $status -ne 0 ] || status=1; }
exit $status
