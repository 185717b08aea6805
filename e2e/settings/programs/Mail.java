import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Map;
import java.util.Properties;
import javax.mail.Session;
import javax.mail.Store;
import javax.mail.Transport;
import javax.mail.internet.InternetAddress;
import javax.mail.internet.MimeMessage;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Logs in and sends, or looks, with JavaMail. */
class Mail {
	public static void main(String[] args) throws Exception {
		Map<String, String> e = System.getenv();
		String protocol = e.get("PROTOCOL"), mode = e.get("MODE"), key = "mail." + protocol + ".";
		Properties p = new Properties();
		for (String time : new String[] {"connectiontimeout", "timeout", "writetimeout"}) p.put(key + time, "5000");
		p.put(key + "ssl.enable", String.valueOf(mode.equals("tls")));
		p.put(key + "starttls.enable", String.valueOf(mode.equals("starttls")));
		p.put(key + "starttls.required", String.valueOf(mode.equals("starttls")));
		p.put(key + "ssl.checkserveridentity", String.valueOf(!e.get("TRUST").equals("any")));
		p.put(key + "localhost", "client.example.test");
		if (e.get("TRUST").equals("any")) p.put(key + "ssl.trust", "*");
		if (e.get("TRUST").equals("ca")) {
			KeyStore keys = KeyStore.getInstance(KeyStore.getDefaultType());
			keys.load(null, null);
			try (FileInputStream in = new FileInputStream(e.get("CA"))) {
				keys.setCertificateEntry("rig", CertificateFactory.getInstance("X.509").generateCertificate(in));
			}
			TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
			trust.init(keys);
			SSLContext context = SSLContext.getInstance("TLS");
			context.init(null, trust.getTrustManagers(), null);
			p.put(key + "ssl.socketFactory", context.getSocketFactory());
		}
		if (e.get("TLS").equals("cipher")) {
			p.put(key + "ssl.protocols", "TLSv1.2");
			p.put(key + "ssl.ciphersuites", "TLS_RSA_WITH_AES_128_GCM_SHA256");
		}
		String login = e.get("LOGIN"), user = e.get("ACCOUNT"), password = e.get("PASSWORD");
		if (!login.isEmpty() && !login.equals("none")) p.put(key + "auth.mechanisms", login);
		if (protocol.equals("smtp")) p.put("mail.smtp.auth", String.valueOf(!login.equals("none")));
		Session session = Session.getInstance(p);
		int port = Integer.parseInt(e.get("PORT"));
		try {
			if (protocol.equals("smtp")) {
				MimeMessage m;
				try (FileInputStream in = new FileInputStream(e.get("MESSAGE"))) {
					m = new MimeMessage(session, in);
				}
				try (Transport t = session.getTransport("smtp")) {
					if (login.equals("none")) t.connect(e.get("HOST"), port, null, null);
					else t.connect(e.get("HOST"), port, user, password);
					t.sendMessage(m, InternetAddress.parse("bob@example.test"));
				}
			} else {
				try (Store s = session.getStore(protocol)) {
					s.connect(e.get("HOST"), port, user, password);
					s.getFolder("INBOX").open(javax.mail.Folder.READ_ONLY);
				}
			}
			System.out.println("ok");
		} catch (javax.mail.MessagingException x) {
			System.out.println(x);
			System.exit(1);
		}
	}
}
