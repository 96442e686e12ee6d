// Package mfa knows where a token code comes from, and that a code is good
// once.
//
// Start with Chain: it asks the places of the user's choice in their order (a
// code that was given, then a stored seed, a program, the terminal) and hands out a code
// only after the ledger has it on record, so that no code goes to AWS twice.
// The caller holds the device lock around Chain.Next and the request that
// carries the code: this room takes no locks.
package mfa
