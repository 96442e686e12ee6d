package ststest

import (
	"io"
	"log"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// maxBody bounds what a request may send; AWS refuses far less.
const maxBody = 1 << 20

// The two services, told apart by the Version of the request.
const (
	stsVersion, stsNamespace = "2011-06-15", "https://sts.amazonaws.com/doc/2011-06-15/"
	iamVersion, iamNamespace = "2010-05-08", "https://iam.amazonaws.com/doc/2010-05-08/"
)

// call is one request on its way through the server.
type call struct {
	request   *http.Request
	body      []byte
	form      url.Values
	log       *Request
	namespace string
	service   string
}

// answer is what goes back, before a fault spoils it.
type answer struct {
	status int
	header http.Header
	body   []byte
	code   string // of an error
	text   string
}

// refusal is an answer that is an error.
type refusal struct {
	status        int
	code, message string
}

func refuse(status int, code, message string) *refusal { return &refusal{status, code, message} }

// quiet silences net/http: broken connections are this server's trade.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// ServeHTTP answers one request: faults that read nothing, the reading,
// the other faults around the action, the log, the sending.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, adminPrefix) {
		s.admin(w, r)
		return
	}
	c := &call{request: r, log: s.open(r)}
	if f := s.strike(c.log, Kind.unread); f != nil {
		s.pause(r.Context(), f.Delay)
		drop(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return
	}
	c.read(body)
	s.note(c)
	f := s.strike(c.log, func(k Kind) bool { return !k.unread() })
	if f == nil {
		s.finish(w, c, s.act(c), nil)
		return
	}
	s.breakDown(w, c, f)
}

// read takes the parameters from the body and the query, and names the service.
func (c *call) read(body []byte) {
	c.body = body
	c.form = c.request.URL.Query()
	if strings.HasPrefix(c.request.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		sent, _ := url.ParseQuery(string(body)) // what parses counts, as in net/http
		maps.Copy(c.form, sent)
	}
	c.service, c.namespace = "sts", stsNamespace
	if c.form.Get("Version") == iamVersion {
		c.service, c.namespace = "iam", iamNamespace
	}
}

// act authenticates the caller and does what was asked, as one step for all
// other requests.
func (s *Server) act(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.request.URL.Path != "/" && c.request.URL.Path != "" {
		return c.failure(refuse(http.StatusNotFound, "UnknownOperationException", ""))
	}
	action, no := c.action()
	if no != nil {
		return c.failure(no)
	}
	who, no := s.authenticate(c)
	if no != nil {
		return c.failure(no)
	}
	if who.session != nil && who.user != nil && !who.session.MFA && c.service == "iam" {
		return c.failure(refuse(http.StatusForbidden, "InvalidClientTokenId", invalidToken)) // IAM does not know it
	}
	if who.session != nil {
		c.log.ChainDepth, c.log.CallerMFA = who.session.Depth, who.session.MFA
	}
	result, no := action(s, c, who)
	if no != nil {
		return c.failure(no)
	}
	return c.success(result)
}

type action func(*Server, *call, *caller) (string, *refusal)

// action finds what the request asks for.
func (c *call) action() (action, *refusal) {
	name, version := c.form.Get("Action"), c.form.Get("Version")
	switch {
	case c.request.Method != http.MethodPost && c.request.Method != http.MethodGet:
		return nil, refuse(http.StatusMethodNotAllowed, "InvalidMethod", "The HTTP method "+c.request.Method+" is not supported.")
	case name == "":
		return nil, refuse(http.StatusBadRequest, "MissingAction", "The request must contain the parameter Action")
	}
	switch version + " " + name {
	case stsVersion + " GetSessionToken":
		return (*Server).getSessionToken, nil
	case stsVersion + " AssumeRole":
		return (*Server).assumeRole, nil
	case stsVersion + " GetCallerIdentity":
		return (*Server).getCallerIdentity, nil
	case stsVersion + " GetFederationToken":
		return (*Server).getFederationToken, nil
	}
	if version == iamVersion {
		if act := iamAction(name); act != nil {
			return act, nil
		}
	}
	if version == "" {
		version = "NO_VERSION_SPECIFIED"
	}
	return nil, refuse(http.StatusBadRequest, "InvalidAction", "Could not find operation "+name+" for version "+version)
}

// iamAction finds an action of IAM, or nil.
func iamAction(name string) action {
	switch name {
	case "ListMFADevices":
		return (*Server).listMFADevices
	case "GetUser":
		return (*Server).getUser
	case "CreateVirtualMFADevice":
		return (*Server).createVirtualMFADevice
	case "EnableMFADevice":
		return (*Server).enableMFADevice
	case "ResyncMFADevice":
		return (*Server).resyncMFADevice
	case "DeactivateMFADevice":
		return (*Server).deactivateMFADevice
	case "DeleteVirtualMFADevice":
		return (*Server).deleteVirtualMFADevice
	case "ListVirtualMFADevices":
		return (*Server).listVirtualMFADevices
	}
	return nil
}

// caller is who signed the request.
type caller struct {
	arn, account, partition, id string
	roleARN                     string // behind an assumed-role ARN
	user                        *user  // nil for role sessions
	session                     *claims
}

// authenticate finds the key, checks the signature and then the token's life.
func (s *Server) authenticate(c *call) (*caller, *refusal) {
	g, no := parseSignature(c.request)
	if no != nil {
		return nil, no
	}
	if no := g.checkScope(c.request, c.service); no != nil {
		return nil, no
	}
	who, secret := s.identify(g)
	if who == nil || who.partition != partitionOf(g.region) {
		return nil, refuse(http.StatusForbidden, "InvalidClientTokenId", invalidToken)
	}
	if no := g.checkDate(s.clock.Now()); no != nil {
		return nil, no
	}
	if !g.matches(secret, c.request, c.body) {
		return nil, refuse(http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	if who.session != nil && s.clock.Now().Unix() >= who.session.Expires {
		return nil, refuse(http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired")
	}
	return who, nil
}

const invalidToken = "The security token included in the request is invalid."

// identify finds the owner of a key. Long-term keys come without a token and
// temporary ones with their own.
func (s *Server) identify(g *signature) (*caller, string) {
	if g.token == "" {
		k := s.keys[g.keyID]
		if k == nil || !k.active {
			return nil, ""
		}
		return callerOf(k.owner), k.secret
	}
	session, ok := s.openToken(g.token, g.keyID)
	if !ok {
		return nil, ""
	}
	secret := s.sessionSecret(session.KeyID)
	if session.UserARN != "" {
		for _, u := range s.users {
			if u.ARN == session.UserARN {
				who := callerOf(u)
				who.session = session
				return who, secret
			}
		}
		return nil, ""
	}
	a, _ := parseARN(session.RoleARN) // the token is ours
	return &caller{
		arn: assumedRoleARN(session.RoleARN, session.Name), account: a.account, partition: a.partition,
		id: session.RoleID + ":" + session.Name, roleARN: session.RoleARN, session: session,
	}, secret
}

func callerOf(u *user) *caller {
	return &caller{arn: u.ARN, account: u.Account, partition: u.partition, id: u.id, user: u}
}

// assumedRoleARN drops the role's path, as STS does.
func assumedRoleARN(roleARN, session string) string {
	a, _ := parseARN(roleARN)
	name := a.resource[strings.LastIndexByte(a.resource, '/')+1:]
	return "arn:" + a.partition + ":sts::" + a.account + ":assumed-role/" + name + "/" + session
}
