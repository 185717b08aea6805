# Send, or look, with s-nail.
at=$(printf %s "$ACCOUNT" | sed 's/@/%40/')
case $PROTOCOL in smtp) scheme=smtp; [ "$MODE" = tls ] && scheme=smtps ;; imap) scheme=imap; [ "$MODE" = tls ] && scheme=imaps ;; pop3) scheme=pop3; [ "$MODE" = tls ] && scheme=pop3s ;; esac
url=$scheme://$at:$PASSWORD@$HOST:$PORT
[ "$LOGIN" = none ] && url=$scheme://$HOST:$PORT
set -- s-nail -:/ -Sv15-compat=yes -Ssendwait -Ssocket-connect-timeout=5 -Shostname=client.example.test -Sfrom="$SENDER"
case $TRUST in ca) set -- "$@" -Stls-verify=strict -Stls-ca-file="$CA" -Stls-ca-no-defaults ;; none) set -- "$@" -Stls-verify=strict ;; any) set -- "$@" -Stls-verify=ignore ;; esac
case $TLS in old) set -- "$@" "-Stls-config-pairs=MinProtocol=TLSv1.1,MaxProtocol=TLSv1.1,CipherString=DEFAULT@SECLEVEL=0" ;; cipher) set -- "$@" "-Stls-config-pairs=MaxProtocol=TLSv1.2,CipherString=AES128-SHA" ;; esac
if [ "$MODE" = starttls ]; then set -- "$@" -Ssmtp-use-starttls -Simap-use-starttls -Spop3-use-starttls; fi
case $LOGIN in
none) set -- "$@" -Ssmtp-config=-all,ehlo ;;
'') set -- "$@" -Ssmtp-auth=plain ;;
*) l=$(printf %s "$LOGIN" | tr A-Z a-z); set -- "$@" -Ssmtp-auth="$l" -Simap-auth="$l" -Spop3-auth="$l" ;;
esac
if [ "$PROTOCOL" = smtp ]; then
	printf 'hello\n' | exec "$@" -Smta="$url" -s hello bob@example.test
else
	[ "$PROTOCOL" = imap ] && url=$url/INBOX
	exec "$@" -SNOheader -Y 'x' -f "$url" </dev/null
fi
