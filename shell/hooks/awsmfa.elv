# awsmfa in elvish. The line for ~/.config/elvish/rc.elv:
#
#   eval (awsmfa init elvish | slurp)
#
# It defines awsmfa-use, awsmfa-off and a prompt hook that renews in time. elvish
# has no clock of its own: while the shell holds credentials of awsmfa's, the
# hook asks date, once a prompt. What was there before awsmfa-use is kept in a
# variable of the script, which no command sees.

var _awsmfa_self = awsmfa
var _awsmfa_cmd = awsmfa-use
var _awsmfa_before = 600
var _awsmfa_dir = ''
var _awsmfa_names = []
var _awsmfa_job = ''
var _awsmfa_prompt = 1
# ---- the settings end here ----

use re
use str

# Loaded once more, it goes on with the state of the first time.
var _awsmfa_state = [&saved=$nil &file='' &started=(num 0) &told='' &touched='']
try {
  set _awsmfa_state = (eval 'awsmfa-state')
} catch {
  nop
}

fn awsmfa-state { put $_awsmfa_state }

# _awsmfa_run is what awsmfa prints; where it fails, so does this.
fn _awsmfa_run {|@args|
  (external $_awsmfa_self) $@args | slurp
}

fn _awsmfa_ours {
  and (not-eq $E:AWS_ACCESS_KEY_ID '') (str:has-prefix $E:AWSMFA_OWNED $E:AWS_ACCESS_KEY_ID':')
}

# _awsmfa_left is for how many seconds the credentials are good. What is no plain
# number is no time.
fn _awsmfa_left {
  if (re:match '^[1-9][0-9]{0,10}$' $E:AWSMFA_EXPIRATION) {
    - (num $E:AWSMFA_EXPIRATION) (num (e:date +%s))
  } else {
    put (num 2000000000)
  }
}

# awsmfa-use PROFILE [FLAG...]. What was there is kept one level deep.
fn awsmfa-use {|@args|
  var text = (_awsmfa_run env --shell elvish --output shell $@args)
  if (and (eq $_awsmfa_state[saved] $nil) (str:contains $text 'set-env AWS_ACCESS_KEY_ID ')) {
    var saved = [&]
    for name $_awsmfa_names {
      if (has-env $name) {
        set saved[$name] = (get-env $name)
      }
    }
    set _awsmfa_state[saved] = $saved
  }
  eval $text
}

fn _awsmfa_restore {|saved|
  for name $_awsmfa_names {
    if (has-key $saved $name) {
      set-env $name $saved[$name]
    } else {
      unset-env $name
    }
  }
}

# Where somebody has moved our hook or the editor is not there, that is fine too.
fn _awsmfa_edit {|code|
  try {
    eval $code
  } catch {
    nop
  }
}

# awsmfa-off [--hook]. Another's keys stay as they are, and what was awsmfa's own
# and has ended meanwhile is not given back.
fn awsmfa-off {|@args|
  if (not (or (eq $args []) (eq $args [--hook]))) {
    fail 'usage: awsmfa-off [--hook]'
  }
  var back = $false
  if (and (not-eq $_awsmfa_state[saved] $nil) (or (eq $E:AWS_ACCESS_KEY_ID '') (_awsmfa_ours))) {
    _awsmfa_restore $_awsmfa_state[saved]
    set back = $true
  }
  set _awsmfa_state[saved] = $nil
  if (or (not $back) (<= (_awsmfa_left) 0)) {
    eval (_awsmfa_run env --unset --shell elvish --output shell)
  }
  if (eq $args [--hook]) {
    _awsmfa_edit 'set edit:before-readline = [(each {|f| if (not-eq $f $awsmfa-hook~) { put $f } } $edit:before-readline)]'
    _awsmfa_edit 'set edit:completion:arg-completer = (dissoc (dissoc $edit:completion:arg-completer $_awsmfa_cmd) awsmfa-off)'
    _awsmfa_edit 'edit:del-vars [awsmfa-use~ awsmfa-off~ awsmfa-hook~ awsmfa-state~]'
  }
}

# _awsmfa_outcome: 0 says that a session is at hand, 4 that a code is needed,
# which is told once for each expiry.
fn _awsmfa_outcome {|code left|
  if (and (eq $code 0) (not-eq $E:AWSMFA_DIRENV '')) {
    e:touch -- $E:AWSMFA_DIRENV
  } elif (eq $code 0) {
    eval (_awsmfa_run env --cached --no-input --shell elvish --output shell -- $E:AWSMFA_PROFILE 2>/dev/null)
  } elif (and (eq $code 4) (not-eq $_awsmfa_state[told] $E:AWSMFA_EXPIRATION)) {
    set _awsmfa_state[told] = $E:AWSMFA_EXPIRATION
    var end = 'has ended'
    if (> $left 0) {
      set end = 'ends in '(exact-num (/ (- (+ $left 59) (% (+ $left 59) 60)) 60))' min'
    }
    echo 'awsmfa: this shell''s AWS session '$end', and a new one needs a code: '$_awsmfa_cmd >&2
  }
}

# _awsmfa_due looks for the outcome of a renewal, or starts one: a single one at
# a time, at most once a minute. One that has not ended after 400 s is given up.
fn _awsmfa_due {|left|
  var now = (- (num $E:AWSMFA_EXPIRATION) $left)
  var waited = (- $now $_awsmfa_state[started])
  var code = ''
  var pause = 60
  if (not-eq $_awsmfa_state[file] '') {
    set pause = 400
    try {
      set code = (str:trim-space (slurp < $_awsmfa_state[file]))
    } catch {
      nop
    }
  }
  if (not-eq $code '') {
    e:rm -f -- $_awsmfa_state[file]
    set _awsmfa_state[file] = ''
    _awsmfa_outcome $code $left
  } elif (or (< $waited 0) (>= $waited $pause)) {
    set _awsmfa_state[started] = $now
    set _awsmfa_state[file] = $_awsmfa_dir'/'$pid'.'$now
    e:sh -c $_awsmfa_job sh $_awsmfa_self $E:AWSMFA_PROFILE (+ $_awsmfa_before 60) $_awsmfa_state[file] < /dev/null > /dev/null 2>&1
  }
  # direnv has to look again, once, when its session has ended.
  if (and (not-eq $E:AWSMFA_DIRENV '') (<= $left 0) (not-eq $_awsmfa_state[touched] $E:AWSMFA_EXPIRATION)) {
    set _awsmfa_state[touched] = $E:AWSMFA_EXPIRATION
    e:touch -- $E:AWSMFA_DIRENV
  }
}

fn awsmfa-hook {
  try {
    if (_awsmfa_ours) {
      var left = (_awsmfa_left)
      if (<= $left $_awsmfa_before) {
        _awsmfa_due $left
      }
    }
  } catch {
    nop
  }
}

# awsmfa_prompt is a piece for edit:prompt: the profile and the time left. What a
# terminal would take for more is taken out of the name.
fn awsmfa_prompt {
  if (and (_awsmfa_ours) (not-eq $E:AWSMFA_PROFILE '')) {
    var text = (re:replace '[[:cntrl:]$`\\%#!{}"''&|;<>*?^]' '?' $E:AWSMFA_PROFILE)
    var left = (_awsmfa_left)
    var colour = green
    if (<= $left 120) {
      set colour = red
    } elif (<= $left 600) {
      set colour = yellow
    }
    if (<= $left 0) {
      set text = $text' expired'
    } elif (< $left 60) {
      set text = $text' '$left's'
    } elif (< $left 2000000000) {
      var minutes = (exact-num (/ (- $left (% $left 60)) 60))
      if (< $minutes 60) {
        set text = $text' '$minutes'm'
      } else {
        set text = (printf '%s %dh%02dm' $text (exact-num (/ (- $minutes (% $minutes 60)) 60)) (% $minutes 60))
      }
    }
    if (or (not-eq $E:NO_COLOR '') (eq $E:TERM dumb)) {
      put $text
    } else {
      put (styled $text $colour)
    }
  }
}

# What eval defines is gone with it, unless the editor adds it to the session.
_awsmfa_edit 'set edit:before-readline = [(each {|f| if (not-eq $f $awsmfa-hook~) { put $f } } $edit:before-readline)]'
try {
  eval &ns=(ns [&use=$awsmfa-use~ &off=$awsmfa-off~ &hook=$awsmfa-hook~ &state=$awsmfa-state~ &piece=$awsmfa_prompt~ &name=$_awsmfa_cmd &prompt=$_awsmfa_prompt &self=$_awsmfa_self]) '
    edit:add-vars [&$name"~"=$use &awsmfa-off~=$off &awsmfa-hook~=$hook &awsmfa-state~=$state &awsmfa_prompt~=$piece]
    if (eq $prompt 1) {
      set edit:before-readline = [$@edit:before-readline $hook]
    }
    # As "awsmfa completion elvish" has it, fetched at the first Tab.
    set edit:completion:arg-completer[$name] = {|@words|
      if (not (has-key $edit:completion:arg-completer awsmfa)) {
        eval ((external $self) completion elvish | slurp)
      }
      $edit:completion:arg-completer[awsmfa] awsmfa env (all $words[1..])
    }
    set edit:completion:arg-completer[awsmfa-off] = {|@words| put --hook }
  '
} catch {
  nop
}
