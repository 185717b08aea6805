# Ask a mail port for a web page. The argument is curl, wget or python3.
s=; [ "$MODE" = tls ] && s=s
url=http$s://$HOST:$PORT/
case $1 in
curl) set -- curl -sS --http0.9 --max-time 5 --cacert "$CA" "$url" ;;
wget) set -- wget -q -O - --tries 1 --timeout 5 --ca-certificate "$CA" "$url" ;;
python3) set -- python3 -c 'import os, ssl, sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=5, context=ssl.create_default_context(cafile=os.environ["CA"])).read()' "$url" ;;
node) set -- node -e 'fetch(process.argv[1]).catch(e => { console.log(e.message, e.cause?.code); process.exitCode = 1 })' "$url"; export NODE_EXTRA_CA_CERTS="$CA" ;;
esac
exec "$@"
