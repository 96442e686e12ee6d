# awsmfa in xonsh. The line for ~/.xonshrc:
#
#     execx($(awsmfa init xonsh))
#
# It defines awsmfa-use, awsmfa-off and a prompt hook that renews in time. While
# the credentials are good the hook starts no process. What was there before
# awsmfa-use is kept in a variable of Python's, which no command sees.

_awsmfa_self = 'awsmfa'
_awsmfa_cmd = 'awsmfa-use'
_awsmfa_before = 600
_awsmfa_dir = ''
_awsmfa_names = ''
_awsmfa_job = ''
_awsmfa_prompt = '1'
# ---- the settings end here ----

# Among the builtins, since it may be loaded once more, and goes on then with the
# state of the first time.
import builtins as _awsmfa_builtins
if not hasattr(_awsmfa_builtins, '_awsmfa_state'):
    _awsmfa_builtins._awsmfa_state = {'saved': None, 'job': None, 'started': 0, 'told': '', 'touched': '', 'hook': None}


def _awsmfa_run(*args, quiet=False):
    """What awsmfa prints, and its exit code. It may ask on the terminal."""
    import subprocess
    done = subprocess.run([_awsmfa_self, *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL if quiet else None,
                          env=__xonsh__.env.detype(), universal_newlines=True)
    return done.stdout, done.returncode


def _awsmfa_eval(text):
    try:
        __xonsh__.builtins.execx(text, 'exec', {}, filename='awsmfa')
    except RuntimeError:
        pass  # what awsmfa prints where it has failed


def _awsmfa_get(name):
    return str(__xonsh__.env.get(name, ''))


def _awsmfa_ours():
    key = _awsmfa_get('AWS_ACCESS_KEY_ID')
    return key != '' and _awsmfa_get('AWSMFA_OWNED').startswith(key + ':')


def _awsmfa_left():
    """For how many seconds the credentials are good; what is no plain number is no time."""
    import time
    end = _awsmfa_get('AWSMFA_EXPIRATION')
    if end.isascii() and end.isdigit() and end[0] != '0' and len(end) < 12:
        return int(end) - int(time.time())
    return 2000000000


def _awsmfa_use(args):
    """awsmfa-use PROFILE [FLAG...]. What was there is kept one level deep."""
    text, code = _awsmfa_run('env', '--shell', 'xonsh', '--output', 'shell', *args)
    if code == 0 and _awsmfa_state['saved'] is None and '$AWS_ACCESS_KEY_ID = ' in text:
        env = __xonsh__.env
        _awsmfa_state['saved'] = {name: env[name] for name in _awsmfa_names.split() if name in env}
    _awsmfa_eval(text)
    return code


def _awsmfa_off(args):
    """awsmfa-off [--hook]. Another's keys stay as they are, and what was awsmfa's own and has ended is not given back."""
    import sys
    if args not in ([], ['--hook']):
        print('awsmfa: usage: awsmfa-off [--hook]', file=sys.stderr)
        return 2
    saved, code, text, env = _awsmfa_state['saved'], 0, '', __xonsh__.env
    back = saved is not None and (_awsmfa_get('AWS_ACCESS_KEY_ID') == '' or _awsmfa_ours())
    if back:
        for name in _awsmfa_names.split():
            env.pop(name, None)
            if name in saved:
                env[name] = saved[name]
    _awsmfa_state['saved'] = None
    if not back or _awsmfa_left() <= 0:
        text, code = _awsmfa_run('env', '--unset', '--shell', 'xonsh', '--output', 'shell')
        _awsmfa_eval(text)
    if args:
        _awsmfa_remove()
    return code


def _awsmfa_hook(**_):
    if _awsmfa_left() <= _awsmfa_before and _awsmfa_ours():
        _awsmfa_due()


def _awsmfa_due():
    """A single renewal at a time, at most once a minute. One that has not ended after 400 s is given up."""
    import subprocess
    import time
    state, now = _awsmfa_state, int(time.time())
    waited, job = now - state['started'], state['job']
    code = None if job is None else job.poll()
    if code is not None:
        state['job'] = None
        _awsmfa_outcome(code)
    elif not 0 <= waited < (60 if job is None else 400):
        state['started'] = now
        try:
            state['job'] = subprocess.Popen(
                [_awsmfa_self, 'login', '--no-input', '--quiet', '--refresh=false', '--min-ttl', str(_awsmfa_before + 60), '--', _awsmfa_get('AWSMFA_PROFILE')],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, env=__xonsh__.env.detype())
        except OSError:
            pass  # it has been taken away
    # direnv has to look again, once, when its session has ended.
    if _awsmfa_get('AWSMFA_DIRENV') and _awsmfa_left() <= 0 and state['touched'] != _awsmfa_get('AWSMFA_EXPIRATION'):
        state['touched'] = _awsmfa_get('AWSMFA_EXPIRATION')
        _awsmfa_touch()


def _awsmfa_touch():
    import pathlib
    try:
        pathlib.Path(_awsmfa_get('AWSMFA_DIRENV')).touch()
    except OSError:
        pass


def _awsmfa_outcome(code):
    """0 says that a session is at hand, 4 that a code is needed, which is told once for each expiry."""
    import sys
    end, left = _awsmfa_get('AWSMFA_EXPIRATION'), _awsmfa_left()
    if code == 0 and _awsmfa_get('AWSMFA_DIRENV'):
        _awsmfa_touch()
    elif code == 0:
        text, failed = _awsmfa_run('env', '--cached', '--no-input', '--shell', 'xonsh', '--output', 'shell', '--', _awsmfa_get('AWSMFA_PROFILE'), quiet=True)
        if not failed:
            _awsmfa_eval(text)
    elif code == 4 and _awsmfa_state['told'] != end:
        _awsmfa_state['told'] = end
        when = f'ends in {(left + 59) // 60} min' if left > 0 else 'has ended'
        print(f"awsmfa: this shell's AWS session {when}, and a new one needs a code: {_awsmfa_cmd}", file=sys.stderr)


def _awsmfa_prompt_field():
    """{awsmfa} in $PROMPT: the profile and the time left. What a prompt would unfold is taken out of the name."""
    import re
    name, left = _awsmfa_get('AWSMFA_PROFILE'), _awsmfa_left()
    if not _awsmfa_ours() or name == '':
        return ''
    text = re.sub(r'[\x00-\x1f\x7f$`\\%#!{}"\'&|;<>*?^]', '?', name)
    if left <= 0:
        text += ' expired'
    elif left < 60:
        text += f' {left}s'
    elif left < 3600:
        text += f' {left // 60}m'
    elif left < 2000000000:
        text += f' {left // 3600}h{left % 3600 // 60:02}m'
    if _awsmfa_get('NO_COLOR') != '' or _awsmfa_get('TERM') == 'dumb':
        return text
    colour = 'GREEN' if left > 600 else 'YELLOW' if left > 120 else 'RED'
    return '{' + colour + '}' + text + '{RESET}'


def _awsmfa_remove():
    for name in (_awsmfa_cmd, 'awsmfa-off'):
        aliases.pop(name, None)
    __xonsh__.env['PROMPT_FIELDS']['awsmfa'] = ''  # $PROMPT may name it
    if _awsmfa_state['hook'] is not None:
        events.on_pre_prompt.discard(_awsmfa_state['hook'])
        _awsmfa_state['hook'] = None


# In the shell's own thread: it may ask, and it changes the environment.
from xonsh.tools import unthreadable as _awsmfa_unthreadable
aliases[_awsmfa_cmd] = _awsmfa_unthreadable(_awsmfa_use)
aliases['awsmfa-off'] = _awsmfa_unthreadable(_awsmfa_off)
__xonsh__.env['PROMPT_FIELDS']['awsmfa'] = _awsmfa_prompt_field
if _awsmfa_state['hook'] is not None:
    events.on_pre_prompt.discard(_awsmfa_state['hook'])
    _awsmfa_state['hook'] = None
if _awsmfa_prompt:
    _awsmfa_state['hook'] = _awsmfa_hook
    events.on_pre_prompt(_awsmfa_hook)
