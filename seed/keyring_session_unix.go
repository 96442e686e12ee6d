//go:build linux || freebsd || netbsd || openbsd

package seed

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"math/big"

	"github.com/godbus/dbus/v5"
)

// secret is a secret as the Secret Service passes it: the structure (oayays).
type secret struct {
	Session     dbus.ObjectPath
	Parameters  []byte // the IV, when the session is encrypted
	Value       []byte
	ContentType string
}

// transfer is a session of the Secret Service: how secrets cross the bus. Its
// key is nil when the service can pass them only as they are.
type transfer struct {
	path dbus.ObjectPath
	key  []byte
}

const dhAlgorithm = "dh-ietf1024-sha256-aes128-cbc-pkcs7"

// openSession agrees on a key, so that nobody who watches the bus, and no
// memory that the bus leaves behind, has the seed.
func (s *secrets) openSession() (transfer, error) {
	private, public, err := dhKey()
	if err != nil {
		return transfer{}, keyringError(Unusable, "agreeing on a key", err)
	}
	var theirs dbus.Variant
	var path dbus.ObjectPath
	err = s.call(secretsRoot, secretService+".OpenSession", dhAlgorithm, dbus.MakeVariant(public)).Store(&theirs, &path)
	var refused dbus.Error
	if errors.As(err, &refused) && refused.Name == "org.freedesktop.DBus.Error.NotSupported" {
		err = s.call(secretsRoot, secretService+".OpenSession", "plain", dbus.MakeVariant("")).Store(&theirs, &path)
		return transfer{path: path}, s.failed("opening a session", err)
	}
	if err != nil {
		return transfer{}, s.failed("opening a session", err)
	}
	answer, _ := theirs.Value().([]byte)
	key, err := dhShared(private, answer)
	if err != nil {
		return transfer{}, keyringError(Unusable, "agreeing on a key", err, hintFile)
	}
	return transfer{path, key}, nil
}

func (t transfer) seal(value []byte) (secret, error) {
	sealed := secret{Session: t.path, Parameters: []byte{}, Value: value, ContentType: "text/plain"}
	if t.key == nil {
		return sealed, nil
	}
	block, err := aes.NewCipher(t.key)
	if err != nil {
		return secret{}, err
	}
	iv := make([]byte, aes.BlockSize)
	rand.Read(iv)
	pad := aes.BlockSize - len(value)%aes.BlockSize
	padded := append(bytes.Clone(value), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(padded, padded)
	sealed.Parameters, sealed.Value = iv, padded
	return sealed, nil
}

var errBadSecret = errors.New("what it passed cannot be decrypted")

func (t transfer) open(sealed secret) ([]byte, error) {
	if t.key == nil {
		return sealed.Value, nil
	}
	size := len(sealed.Value)
	if len(sealed.Parameters) != aes.BlockSize || size == 0 || size%aes.BlockSize != 0 {
		return nil, errBadSecret
	}
	block, err := aes.NewCipher(t.key)
	if err != nil {
		return nil, err
	}
	value := make([]byte, size)
	cipher.NewCBCDecrypter(block, sealed.Parameters).CryptBlocks(value, sealed.Value)
	pad := int(value[size-1])
	if pad < 1 || pad > aes.BlockSize || !bytes.Equal(value[size-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, errBadSecret
	}
	return value[:size-pad], nil
}

// dhPrimeText is the second Oakley group (RFC 2409 section 6.2), whose generator is 2.
const dhPrimeText = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD1" +
	"29024E088A67CC74020BBEA63B139B22514A08798E3404DD" +
	"EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245" +
	"E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED" +
	"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381" +
	"FFFFFFFFFFFFFFFF"

const dhBytes = 128 // the group's size

func dhPrime() *big.Int {
	prime, _ := new(big.Int).SetString(dhPrimeText, 16)
	return prime
}

func dhKey() (private *big.Int, public []byte, err error) {
	prime := dhPrime()
	private, err = rand.Int(rand.Reader, prime)
	if err != nil {
		return nil, nil, err
	}
	return private, new(big.Int).Exp(big.NewInt(2), private, prime).FillBytes(make([]byte, dhBytes)), nil
}

// dhShared derives the session's key: HKDF with SHA-256, no salt and no info,
// over the shared number at its full length.
func dhShared(private *big.Int, public []byte) ([]byte, error) {
	prime, theirs := dhPrime(), new(big.Int).SetBytes(public)
	last := new(big.Int).Sub(prime, big.NewInt(1))
	if theirs.Cmp(big.NewInt(1)) <= 0 || theirs.Cmp(last) >= 0 {
		return nil, errors.New("its half of the key is out of range")
	}
	shared := new(big.Int).Exp(theirs, private, prime).FillBytes(make([]byte, dhBytes))
	defer clear(shared)
	return hkdf.Key(sha256.New, shared, nil, "", 16)
}
