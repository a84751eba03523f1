"""Save the function that cron.sh and the workflow call, under its name."""

import leanto as lt
import places
from digits.nightly import nightly

if __name__ == "__main__":
    print(lt.function(nightly).to(places.training).save("digits-nightly"))
