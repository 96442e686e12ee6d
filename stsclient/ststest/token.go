package ststest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// claims is what a session token says, sealed, so that no client can read or
// change it and the server need not remember its sessions.
type claims struct {
	KeyID          string   `json:"k"`
	Expires        int64    `json:"e"`
	UserARN        string   `json:"u,omitempty"` // of a GetSessionToken session
	RoleARN        string   `json:"r,omitempty"` // of an AssumeRole session
	RoleID         string   `json:"i,omitempty"`
	Name           string   `json:"n,omitempty"` // the role session's name
	MFA            bool     `json:"m,omitempty"`
	MFAAt          int64    `json:"a,omitempty"` // when the code was taken
	Depth          int      `json:"d"`           // roles assumed one after the other so far
	SourceIdentity string   `json:"s,omitempty"`
	Transitive     []string `json:"t,omitempty"` // keys of tags that go on to the next role
	Pad            string   `json:"p"`
}

// issued is a set of temporary credentials as an answer shows them.
type issued struct {
	keyID, secret, token string
	expires              time.Time
}

// tokenPrefix gives tokens the first letters that real ones have.
const tokenPrefix = "\x17\n\x06er/aws\x10"

// issue mints credentials for d, from now. The expiry has whole seconds, as AWS's.
func (s *Server) issue(to *call, c claims, d time.Duration) issued {
	expires := s.clock.Now().Truncate(time.Second).Add(d)
	c.KeyID, c.Expires = "ASIA"+letters(16), expires.Unix()
	to.log.Issued = c.KeyID
	return issued{c.KeyID, s.sessionSecret(c.KeyID), s.sealToken(c), expires}
}

// sessionSecret derives the secret from the key id, so that none is stored.
func (s *Server) sessionSecret(keyID string) string {
	mac := hmac.New(sha256.New, s.seal[:])
	mac.Write([]byte("secret:" + keyID))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)[:30])
}

func (s *Server) aead() cipher.AEAD {
	block, _ := aes.NewCipher(s.seal[:]) // 32 bytes are always a key
	gcm, _ := cipher.NewGCM(block)
	return gcm
}

func (s *Server) sealToken(c claims) string {
	gcm := s.aead()
	text, _ := json.Marshal(c)
	if missing := s.tokenLength/4*3 - len(tokenPrefix) - gcm.NonceSize() - gcm.Overhead() - len(text); missing > 0 {
		c.Pad = strings.Repeat("-", missing)
		text, _ = json.Marshal(c)
	}
	nonce := make([]byte, gcm.NonceSize())
	rand.Read(nonce)
	out := append([]byte(tokenPrefix), nonce...)
	return base64.StdEncoding.EncodeToString(gcm.Seal(out, nonce, text, []byte("token")))
}

// openToken reads a token of this server that belongs to the key.
func (s *Server) openToken(token, keyID string) (*claims, bool) {
	gcm := s.aead()
	raw, err := base64.StdEncoding.DecodeString(token)
	head := len(tokenPrefix) + gcm.NonceSize()
	if err != nil || len(raw) < head || string(raw[:len(tokenPrefix)]) != tokenPrefix {
		return nil, false // the prefix stands outside of what is sealed
	}
	text, err := gcm.Open(nil, raw[len(tokenPrefix):head], raw[head:], []byte("token"))
	if err != nil {
		return nil, false
	}
	var c claims
	if json.Unmarshal(text, &c) != nil || c.KeyID != keyID {
		return nil, false
	}
	return &c, true
}
