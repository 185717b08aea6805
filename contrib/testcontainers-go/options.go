package mailrig

import (
	"errors"
	"fmt"
	"strings"

	"github.com/testcontainers/testcontainers-go"
)

// WithScenario lets mailrig misbehave as these scenarios of the catalogue say.
func WithScenario(names ...string) testcontainers.CustomizeRequestOption {
	return with("scenario", names...)
}

// WithUser lets only this user log in, and others that are given in the same way. Without it anybody may, with any password.
// A name has no colon, and neither name nor password has a space or a comma.
func WithUser(name, password string) testcontainers.CustomizeRequestOption {
	if strings.Contains(name, ":") || name == "" || password == "" {
		return func(*testcontainers.GenericContainerRequest) error {
			return fmt.Errorf("the user %q with a password of %d bytes can't be given; neither may be empty, and the name can't have a colon", name, len(password))
		}
	}
	return with("user", name+":"+password)
}

// WithAuth offers these ways to log in, in the words of --auth: plain, strong, tokens, all, or mechanisms such as CRAM-MD5, each
// with a place before it if it is for a part of the doors only, such as 143:CRAM-MD5.
func WithAuth(ways ...string) testcontainers.CustomizeRequestOption {
	return with("auth", ways...)
}

// WithHostname adds names to the certificate, and to those by which the API may be called: a network alias of the
// container, or the Docker host's name if that isn't localhost.
func WithHostname(names ...string) testcontainers.CustomizeRequestOption {
	return with("hostname", names...)
}

// WithFlag gives any flag of "mailrig serve" a value, or several if it is repeatable. The flag has no dashes in front: WithFlag("max-memory", "256MiB").
func WithFlag(flag string, values ...string) testcontainers.CustomizeRequestOption {
	return with(flag, values...)
}

// with adds values to the variable of a flag. mailrig separates them by spaces and commas.
func with(flag string, values ...string) testcontainers.CustomizeRequestOption {
	return func(request *testcontainers.GenericContainerRequest) error {
		if flag == "" || strings.Trim(flag, "abcdefghijklmnopqrstuvwxyz-") != "" || strings.HasPrefix(flag, "-") {
			return fmt.Errorf("%q isn't a flag of mailrig; give its name without the dashes in front", flag)
		}
		if len(values) == 0 {
			return errors.New("no value for the flag " + flag)
		}
		if request.Env == nil {
			request.Env = map[string]string{}
		}
		name := "MAILRIG_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
		for _, value := range values {
			if value == "" || strings.ContainsAny(value, " ,\t\r\n\x00") {
				return fmt.Errorf("the value %q of the flag %s is empty, or has a space or a comma, which a variable can't hold", value, flag)
			}
			request.Env[name] = strings.TrimPrefix(request.Env[name]+" "+value, " ")
		}
		return nil
	}
}
