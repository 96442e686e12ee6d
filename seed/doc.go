// Package seed knows TOTP seeds: how people and AWS write them, the code that
// one gives at an instant, and how they are kept.
//
// Begin with Parse, which takes base32 or an otpauth URI, ParseQR, which takes
// a picture of one, or ParseAWS, which takes what IAM answers. Seed.Code gives
// the code of an instant and the time step that it belongs to.
//
// A Seed does not show itself to anything that prints, logs or encodes, and no
// error of this package holds any part of what was read. The secret leaves the
// package by Seed.URI alone, which is for the user who asks for it.
package seed
