# Source this file to use km3vo @VERSION@:  . /cvmfs/.../setup.sh
# shellcheck shell=sh
if [ -n "${BASH_SOURCE:-}" ]; then
    # shellcheck disable=SC3028,SC3054  # in bash, where it is set
    KM3VO_ENVIRONMENT=$(CDPATH='' cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
elif [ -z "${KM3VO_ENVIRONMENT:-}" ]; then
    echo "setup.sh: set KM3VO_ENVIRONMENT to the directory of this file first, or use bash" >&2
    return 1
fi
export KM3VO_ENVIRONMENT
case ":$PATH:" in
*":$KM3VO_ENVIRONMENT/bin:"*) ;;
*) export PATH="$KM3VO_ENVIRONMENT/bin:$PATH" ;;
esac
