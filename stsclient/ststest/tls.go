package ststest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// tlsPlan is how the server shows itself over TLS.
type tlsPlan struct {
	wrongHost, expired bool
	maxVersion         uint16
	caPEM              []byte
}

func (s *Server) plan() *tlsPlan {
	if s.tls == nil {
		s.tls = &tlsPlan{}
	}
	return s.tls
}

// WithTLS serves https with a certificate of a CA of its own, see CAPEM.
func WithTLS() Option { return func(s *Server) { s.plan() } }

// WithTLSWrongHost serves https with a certificate for another host.
func WithTLSWrongHost() Option { return func(s *Server) { s.plan().wrongHost = true } }

// WithTLSExpired serves https with a certificate that ended yesterday.
func WithTLSExpired() Option { return func(s *Server) { s.plan().expired = true } }

// WithTLSMaxVersion serves https up to a version such as tls.VersionTLS11.
func WithTLSMaxVersion(v uint16) Option { return func(s *Server) { s.plan().maxVersion = v } }

// CAPEM is the certificate of the server's CA, nil without TLS or before Start.
func (s *Server) CAPEM() []byte {
	if s.tls == nil {
		return nil
	}
	return s.tls.caPEM
}

// config makes the CA and the certificate. They live by real time, whatever
// the server's clock says, because clients check them so.
func (p *tlsPlan) config() (*tls.Config, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	ca := p.template("ststest CA", false)
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return nil, err
	}
	p.caPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	leaf := p.template("ststest", p.expired)
	leaf.KeyUsage, leaf.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leaf.DNSNames, leaf.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	if p.wrongHost {
		leaf.DNSNames, leaf.IPAddresses = []string{"sts.wrong.example"}, nil
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &leafKey.PublicKey, caKey)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der, caDER}, PrivateKey: leafKey}}, MaxVersion: p.maxVersion, NextProtos: []string{"http/1.1"}}
	if p.maxVersion != 0 && p.maxVersion < tls.VersionTLS12 {
		config.MinVersion = tls.VersionTLS10 // Go's own floor is 1.2
	}
	return config, nil
}

func (p *tlsPlan) template(name string, expired bool) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62)) // rand.Reader does not fail
	t := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour)}
	if expired {
		t.NotAfter = time.Now().Add(-24 * time.Hour)
	}
	return t
}
