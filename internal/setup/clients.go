package setup

// The headings of menus.
const (
	apps      = "Apps"
	commands  = "Command line"
	libraries = "Libraries and frameworks"
)

// Protocols, as guides name them.
var (
	sends   = []string{"smtp"}
	reads   = []string{"imap"}
	pops    = []string{"pop3"}
	both    = []string{"smtp", "imap"}
	screens = []snippet{{uses: both}}
)

// Why nobody has tried a guide.
const (
	noHands    = "its settings are typed into screens, and no test does that"
	notPackage = "Debian and npm don't have it"
)

// clients are all clients. Their templates are in clients/ID/.
var clients = []Client{
	{ID: "thunderbird", Name: "Thunderbird", Kind: apps, Untried: noHands, snippets: screens},
	{ID: "outlook", Name: "Outlook", Kind: apps, Untried: noHands, snippets: screens},
	{ID: "apple-mail", Name: "Apple Mail", Kind: apps, Untried: noHands, snippets: screens},
	{ID: "ios", Name: "iOS", Kind: apps, Untried: noHands, Note: onPhone, snippets: screens},
	{ID: "android", Name: "Android", Kind: apps, Untried: noHands, Note: onPhone, snippets: screens},

	{ID: "curl", Name: "curl", Kind: commands, snippets: []snippet{
		{file: "send.sh", title: "Send a message", uses: sends},
		{file: "read.sh", title: "Read the first message by IMAP", uses: reads},
		{file: "pop.sh", title: "Read the first message by POP3", uses: pops},
	}},
	{ID: "swaks", Name: "swaks", Kind: commands, snippets: []snippet{
		{file: "send.sh", title: "Send a message", uses: sends},
	}},
	{ID: "msmtp", Name: "msmtp", Kind: commands, snippets: []snippet{
		{file: "msmtprc", title: "Send a message", uses: sends,
			run: `chmod 600 msmtprc && printf 'Subject: Hello\n\nIt works.\n' | msmtp --file=msmtprc {{sh .User}}`},
	}},
	{ID: "mutt", Name: "Mutt", Kind: commands, snippets: []snippet{
		{file: "muttrc", title: "Read and send mail", uses: both, run: "mutt -F muttrc"},
	}},
	{ID: "neomutt", Name: "NeoMutt", Kind: commands, snippets: []snippet{
		{file: "muttrc", title: "Read and send mail", uses: both, run: "neomutt -F muttrc"},
	}},
	{ID: "mbsync", Name: "mbsync", Kind: commands, snippets: []snippet{
		{file: "mbsyncrc", title: "Copy the account into a Maildir", uses: reads, run: "mkdir -p mail && mbsync --config mbsyncrc --all"},
	}},
	{ID: "fetchmail", Name: "fetchmail", Kind: commands, snippets: []snippet{
		{file: "fetchmailrc", title: "Fetch mail into a file", uses: pops, run: "chmod 700 fetchmailrc && fetchmail --fetchmailrc fetchmailrc --nodetach"},
	}},

	{ID: "nodemailer", Name: "nodemailer", Kind: libraries, snippets: []snippet{
		{file: "send.mjs", title: "Send a message", uses: sends, run: "node send.mjs"},
	}},
	{ID: "imapflow", Name: "imapflow", Kind: libraries, snippets: []snippet{
		{file: "read.mjs", title: "Read the latest message", uses: reads, run: "node read.mjs"},
	}},
	{ID: "python", Name: "Python", Kind: libraries, snippets: []snippet{
		{file: "send.py", title: "Send a message, with smtplib", uses: sends, run: "python3 send.py"},
		{file: "read.py", title: "Read the latest message, with imaplib", uses: reads, run: "python3 read.py"},
		{file: "pop.py", title: "Read the latest message, with poplib", uses: pops, run: "python3 pop.py"},
	}},
	{ID: "django", Name: "Django", Kind: libraries, snippets: []snippet{
		{file: "settings.py", title: "Send mail", uses: sends, run: `SSL_CERT_FILE={{sh .CA}} python3 manage.py sendtestemail {{sh .User}}`},
	}},
	{ID: "go", Name: "Go", Kind: libraries, snippets: []snippet{
		{file: "send.go", title: "Send a message, with net/smtp", uses: sends, run: "go run send.go"},
	}, Note: "In Go's own tests, package mailtest starts a mailrig and hands out all of this."},
	{ID: "phpmailer", Name: "PHPMailer", Kind: libraries, snippets: []snippet{
		{file: "send.php", title: "Send a message", uses: sends, run: "php send.php"},
	}},
	{ID: "symfony", Name: "Symfony Mailer", Kind: libraries, snippets: []snippet{
		{file: "send.php", title: "Send a message", uses: sends, run: `SSL_CERT_FILE={{sh .CA}} php send.php`},
	}},
	{ID: "laravel", Name: "Laravel", Kind: libraries, Untried: notPackage, snippets: []snippet{
		{file: ".env", title: "Send mail", uses: sends,
			run: `SSL_CERT_FILE={{sh .CA}} php artisan tinker --execute="Mail::raw('It works.', fn (\$m) => \$m->to('{{.User}}')->subject('Hello'))"`},
	}, Note: "Laravel before version 11 has MAIL_ENCRYPTION in the place of MAIL_SCHEME: tls for STARTTLS, ssl for SSL/TLS."},
	{ID: "ruby", Name: "Ruby", Kind: libraries, snippets: []snippet{
		{file: "send.rb", title: "Send a message, with net/smtp", uses: sends, run: "ruby send.rb"},
		{file: "read.rb", title: "Read the latest message, with net/imap", uses: reads, run: "ruby read.rb"},
	}},
	{ID: "rails", Name: "Rails", Kind: libraries, snippets: []snippet{
		{file: "config/environments/development.rb", title: "Send mail", uses: sends,
			run: `SSL_CERT_FILE={{sh .CA}} bin/rails runner "ActionMailer::Base.mail(from: '{{.User}}', to: '{{.User}}', subject: 'Hello', body: 'It works.').deliver_now"`},
	}},
	{ID: "jakarta-mail", Name: "Jakarta Mail (JavaMail)", Kind: libraries, Note: "JavaMail, its older form, has packages javax.mail in the place of jakarta.mail.", snippets: []snippet{
		{file: "Send.java", title: "Send a message", uses: sends,
			run: `keytool -importcert -noprompt -alias mailrig -file {{sh .CA}} -keystore mailrig.p12 -storepass changeit && java -Djavax.net.ssl.trustStore=mailrig.p12 -Djavax.net.ssl.trustStorePassword=changeit -cp 'lib/*' Send.java`},
	}},
	{ID: "spring", Name: "Spring Boot", Kind: libraries, Untried: notPackage, snippets: []snippet{
		{file: "application.properties", title: "Send mail", uses: sends,
			run: `keytool -importcert -noprompt -alias mailrig -file {{sh .CA}} -keystore mailrig.p12 -storepass changeit && JAVA_TOOL_OPTIONS='-Djavax.net.ssl.trustStore=mailrig.p12 -Djavax.net.ssl.trustStorePassword=changeit' ./mvnw spring-boot:run`},
	}},
}

const onPhone = "A phone reaches mailrig only by a name or an address of this machine in its network: start mailrig with --host 0.0.0.0 and --hostname NAME, and type that name above."
