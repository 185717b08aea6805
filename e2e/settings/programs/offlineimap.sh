# Fetch with OfflineIMAP, which has an IMAP library of its own.
yes() { [ "$1" = "$2" ] && echo yes || echo no; }
cat >"$HOME/rc" <<END
[general]
accounts = a
socktimeout = 5
[Account a]
localrepository = here
remoterepository = there
[Repository here]
type = Maildir
localfolders = $HOME/box
[Repository there]
type = IMAP
remotehost = $HOST
remoteport = $PORT
remoteuser = $ACCOUNT
remotepass = $PASSWORD
maxconnections = 1
readonly = True
retrycount = 1
ssl = $(yes "$MODE" tls)
starttls = $(yes "$MODE" starttls)
sslcacertfile = $([ "$TRUST" = ca ] && echo "$CA" || echo /etc/ssl/certs/ca-certificates.crt)
$([ -n "$LOGIN" ] && echo "auth_mechanisms = $LOGIN")
END
exec offlineimap -c "$HOME/rc" -o -1 -u basic
